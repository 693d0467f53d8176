"""The instructor: whoever knows INSTRUCTOR_PASSWORD. Where it is not set, everybody may do everything.

There is no table of users. A browser that has logged in holds a signed cookie with a fingerprint of the password, so it
is void when the password changes; a program sends the password with each request (HTTP Basic).
"""

import base64
import binascii
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import constant_time_compare, salted_hmac

from dashboard.errors import NotFound, NotInstructor
from dashboard.web import audit
from dashboard.web.buckets import Buckets
from dashboard.web.limits import refuse_after
from dashboard.web.visitors import network_of, visitor_of

USER = "instructor"
# Wrong passwords. A class shares one address: what one of them tries must not shut out the instructor at once.
FAILURES_PER_MINUTE = 10
FAILURES_PER_MINUTE_AND_ADDRESS = 100

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Saga Workshop", charset="UTF-8"'}
_KEY = "instructor"
_failures = Buckets()


class Standing(StrEnum):
    """What the sender of a request may do. `open`: everything, as there is no login here."""

    OPEN = "open"
    LOCKED = "locked"
    INSTRUCTOR = "instructor"


def standing_of(request: HttpRequest) -> Standing:
    if not settings.INSTRUCTOR_PASSWORD:
        return Standing.OPEN
    held = request.session.get(_KEY, "")
    is_ours = constant_time_compare(held, _fingerprint(settings.INSTRUCTOR_PASSWORD))
    return Standing.INSTRUCTOR if is_ours else Standing.LOCKED


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {"standing": standing_of(request)}


def by_instructor(act: str) -> Callable[[HttpRequest], bool]:
    """Return what is asked before a request for `act` is granted. It raises NotInstructor or TooMany."""

    def check(request: HttpRequest) -> bool:
        audit.begin(request, act)
        _require(request)
        return True

    return check


def log_in(request: HttpRequest, password: str) -> None:
    """Raises NotInstructor, TooMany, or NotFound where there is no login."""
    audit.begin(request, "log in")
    if not settings.INSTRUCTOR_PASSWORD:
        raise NotFound("there is no login here, everybody may do everything: INSTRUCTOR_PASSWORD is not set")
    _check(request, password)
    request.session[_KEY] = _fingerprint(settings.INSTRUCTOR_PASSWORD)
    rotate_token(request)


def log_out(request: HttpRequest) -> None:
    audit.begin(request, "log out")
    request.is_instructor = standing_of(request) is Standing.INSTRUCTOR
    request.session.flush()


def _require(request: HttpRequest) -> None:
    standing = standing_of(request)
    if standing is Standing.LOCKED:
        password = _basic_password(request)
        if password is None:
            raise NotInstructor("this is the instructor's: log in first", headers=_challenge_for(request))
        _check(request, password)
    request.is_instructor = standing is not Standing.OPEN


def _check(request: HttpRequest, password: str) -> None:
    """Only wrong passwords count; when there were too many, right ones have to wait as well, or guessing went on."""
    buckets = {network_of(request): FAILURES_PER_MINUTE_AND_ADDRESS}
    if visitor := visitor_of(request):
        buckets[visitor] = FAILURES_PER_MINUTE
    now = time.monotonic()
    waits = [_failures.take(key, per_minute=rate, now=now, cost=0) for key, rate in buckets.items()]
    if wait_s := max(waits):
        raise refuse_after(wait_s, "too many wrong passwords")
    if not constant_time_compare(_fingerprint(password), _fingerprint(settings.INSTRUCTOR_PASSWORD)):
        for key, rate in buckets.items():
            _failures.take(key, per_minute=rate, now=now)
        raise NotInstructor("that is not the instructor's password", headers=_challenge_for(request))
    request.is_instructor = True


def _fingerprint(password: str) -> str:
    """Of one length, whatever the password's; without SECRET_KEY it helps nobody to guess."""
    return salted_hmac("dashboard.web.instructor", password, algorithm="sha256").hexdigest()


def _basic_password(request: HttpRequest) -> str | None:
    """Return the password of HTTP Basic, none for another user than the instructor, None without HTTP Basic."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if user == USER else ""


def _challenge_for(request: HttpRequest) -> dict[str, str]:
    """Programs are told how to log in. A browser would open a dialog of its own, over a page that has a better one."""
    is_browser = request.COOKIES or "Origin" in request.headers or "Sec-Fetch-Mode" in request.headers
    return {} if is_browser else _CHALLENGE
