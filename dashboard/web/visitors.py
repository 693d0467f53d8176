"""Who it is that asks: a browser by the signed cookie that the page gave it, everything else by its address."""

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "visitor"
COOKIE_AGE_S = 7 * 24 * 3600
UNKNOWN = "unknown"
_SALT = "dashboard.web.visitors"
_SIGNS_OF_A_PROXY = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")

View = Callable[..., HttpResponse]


def visitor_of(request: HttpRequest) -> str | None:
    """Return the browser's id, if its cookie is one of ours."""
    return request.get_signed_cookie(COOKIE, default=None, salt=_SALT, max_age=COOKIE_AGE_S)


def greets(may_greet: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    """Decorator of a page: a browser that has no cookie is given one, while `may_greet` allows it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def greeting(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            if visitor_of(request) is None and may_greet(request):
                _give_cookie(response)
            return response

        return greeting

    return decorate


def address_of(request: HttpRequest) -> str:
    """Return the sender's IP address. Behind a proxy it is what that proxy has added to what others claim."""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2] if settings.HTTPS else ""
    address = _ip(told.strip()) or _ip(request.META.get("REMOTE_ADDR", ""))
    return str(address) if address else UNKNOWN


def network_of(request: HttpRequest) -> str:
    """Return the sender's address, or the network out of which one machine may choose any: an IPv6 /64."""
    address = _ip(address_of(request))
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address or UNKNOWN)


def is_on_this_machine(request: HttpRequest) -> bool:
    """A proxy may be here for somebody elsewhere, but says so."""
    address = _ip(request.META.get("REMOTE_ADDR", ""))
    is_passed_on = any(name in request.headers for name in _SIGNS_OF_A_PROXY)
    return address is not None and address.is_loopback and not is_passed_on


def _give_cookie(response: HttpResponse) -> None:
    # Lax: Strict cookies do not come along when a link leads here, and the one in use would be replaced each time.
    response.set_signed_cookie(
        COOKIE,
        token_hex(8),
        salt=_SALT,
        max_age=COOKIE_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A socket that listens for both kinds tells of the one in the words of the other.
    return getattr(address, "ipv4_mapped", None) or address
