"""How much may be asked for: so many sagas, and so many requests that change something, a minute.

A class shares one address, so the limits are each browser's own. Requests without its cookie are a program's, or of a
flood that throws cookies away: those of one address share buckets that are far wider, and new cookies are limited as
well. A program on this machine is not limited: it could as well end the workshop. Each web process counts for itself.
"""

import math
import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from dashboard.errors import TooMany
from dashboard.web.buckets import Buckets
from dashboard.web.guards import CHANGING, View, refusal_of
from dashboard.web.visitors import is_on_this_machine, network_of, visitor_of

ADDRESS_FACTOR = 10
GREETINGS_PER_MINUTE = 120

_commands = Buckets()
_sagas = Buckets()
_greetings = Buckets()


def limit_commands(get_response: View) -> View:
    """Middleware. Refuses what changes something when its sender has done too much of that in the last minute."""

    def guard(request: HttpRequest) -> HttpResponse:
        try:
            if request.method in CHANGING:
                _charge(request, _commands, settings.COMMANDS_PER_MINUTE, "requests that change something")
        except TooMany as error:
            return refusal_of(error)
        return get_response(request)

    return guard


def charge_sagas(request: HttpRequest, count: int) -> None:
    """Call before that many sagas are accepted. Raises TooMany."""
    _charge(request, _sagas, settings.SAGAS_PER_MINUTE, "sagas", count)


def may_greet(request: HttpRequest) -> bool:
    """Return whether one more cookie may go to this address: each is worth buckets of its own."""
    rate = GREETINGS_PER_MINUTE
    return not _greetings.take(network_of(request), per_minute=rate, now=time.monotonic())


def refuse_after(wait_s: float, reason: str) -> TooMany:
    seconds = math.ceil(wait_s)
    return TooMany(f"{reason}; try again in {seconds:,} s", headers={"Retry-After": str(seconds)})


def _charge(request: HttpRequest, buckets: Buckets, per_minute: int, what: str, cost: int = 1) -> None:
    visitor = visitor_of(request)
    if not per_minute or (visitor is None and is_on_this_machine(request)):
        return
    key, rate = (network_of(request), per_minute * ADDRESS_FACTOR) if visitor is None else (visitor, per_minute)
    if wait_s := buckets.take(key, per_minute=rate, cost=cost, now=time.monotonic()):
        raise refuse_after(wait_s, f"{rate:,} {what} a minute are the most")
