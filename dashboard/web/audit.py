"""The audit log: one line for whatever breaks, kills, mends or rescues something, and for every login."""

import json
import logging
from typing import Any

from django.http import HttpRequest, HttpResponse

from dashboard.web.guards import View
from dashboard.web.visitors import address_of, visitor_of

SHORT = 8
LONGEST = 200

log = logging.getLogger("workshop.audit")


def log_acts(get_response: View) -> View:
    """Middleware. Writes a line for each request that was declared an act, when its answer is known."""

    def watch(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if hasattr(request, "act"):
            _write(request, response)
        return response

    return watch


def begin(request: HttpRequest, act: str) -> None:
    """Declare that this request asks for `act`; the line is written whatever comes of it."""
    request.act = act
    request.asked = {}


def note(request: HttpRequest, **asked: Any) -> None:
    """Add what exactly is asked for."""
    request.asked |= asked


def _write(request: HttpRequest, response: HttpResponse) -> None:
    fields = {
        "who": "instructor" if getattr(request, "is_instructor", False) else "anybody",
        "visitor": (visitor_of(request) or "none")[:SHORT],
        "address": address_of(request),
        "act": request.act,
        "on": _object_of(request),
        "asked": request.asked,
        "outcome": f"{response.status_code} {response.reason_phrase}",
    }
    level = logging.INFO if response.status_code < 400 else logging.WARNING
    # JSON escapes line ends and whatever else could make one line look like two.
    words = [json.dumps(fields[name])[:LONGEST] for name in ("on", "asked") if fields[name]]
    what = " ".join([fields["act"], *words])
    place = f"visitor {fields['visitor']} at {fields['address']}"
    log.log(level, "%s (%s): %s: %s", fields["who"], place, what, fields["outcome"], extra=fields)


def _object_of(request: HttpRequest) -> str:
    """Return what the address names: a service, a saga, a dead letter."""
    match = request.resolver_match
    return " ".join(map(str, match.kwargs.values()))[:LONGEST] if match else ""
