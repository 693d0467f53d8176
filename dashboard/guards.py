"""Who may change something: programs with JSON, browsers from our own pages only."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host

from dashboard.errors import DashboardError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

View = Callable[[HttpRequest], HttpResponse]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


def same_origin(get_response: View) -> View:
    """Middleware. Refuses what is too large, and requests to the API that come from another site or are not JSON.

    A browser cannot leave out `Origin` on such a request, nor send JSON to another site unasked. A program does not
    send `Origin`. So no token is needed here; forms have Django's.
    """

    def guard(request: HttpRequest) -> HttpResponse:
        if _holds_nul(request):
            return refusal("there is no saga, and nothing else, whose name holds a NUL character", status=404)
        if request.method in SAFE:
            return get_response(request)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return too_large()
        if not request.path.startswith("/api/"):
            return get_response(request)
        if _is_foreign(request):
            return refusal("this request comes from another site", status=403)
        if request.content_type != "application/json":
            return refusal("send application/json", status=415)
        return get_response(request)

    return guard


def _holds_nul(request: HttpRequest) -> bool:
    """Some databases find nothing by such a text, and others call the question an error."""
    return "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", "")


def _is_foreign(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None and not _is_from(origin, request.get_host()):
        return True
    return request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}


class SameOriginSocket:
    """ASGI wrapper. Refuses a websocket opened by a page of another site, or under a name that is not ours."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        ours = validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
        if not ours or (origin is not None and not _is_from(origin, host)):
            return await WebsocketDenier.as_asgi()(scope, receive, send)
        return await self._application(scope, receive, send)


def _is_from(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(f"the form lacks its token: reload the page and try again ({reason})", status=403)


def too_large() -> JsonResponse:
    return refusal(f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes are the most that can be sent", status=413)


def refusal(detail: str, *, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def refusal_of(error: DashboardError) -> JsonResponse:
    return refusal(str(error), status=error.status)
