"""Who may change something: programs with JSON, browsers from our own pages only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host

from dashboard.errors import DashboardError

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
LONGEST_REASON = 280
# What no page of ours asks a browser for, and no script that got into one should be given.
UNUSED = "camera display-capture geolocation hid microphone midi payment screen-wake-lock serial usb".split()

API = "/api/"
# What is said of the API where none of its own views answers.
REASONS = {
    404: "there is nothing at this address",
    405: "this address is not for such a request",
    500: "the server failed, and its log says how",
}

View = Callable[[HttpRequest], HttpResponse]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


def same_origin(get_response: View) -> View:
    """Middleware. Refuses what is too large, requests to the API that are foreign or not JSON, and others but forms.

    A browser cannot leave out `Origin` on such a request, nor send JSON to another site unasked. A program does not
    send `Origin`. So no token is needed here; forms have Django's.
    """

    def guard(request: HttpRequest) -> HttpResponse:
        # Some databases find nothing by such a text, and others call the question an error.
        if "\x00" in request.path:
            return refusal("there is no saga, and nothing else, whose name holds a NUL character", status=404)
        if request.method not in CHANGING:
            return get_response(request)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return too_large()
        if not request.path.startswith(API):
            return get_response(request) if request.content_type in FORMS else refusal("send a form", status=415)
        if _is_foreign(request):
            return refusal("this request comes from another site", status=403)
        if request.content_type != "application/json" and not _is_bare(request):
            return refusal("send application/json", status=415)
        return get_response(request)

    return guard


def speaks_json(get_response: View) -> View:
    """Middleware. Refuses as the API does where its own views do not: no such address, no such method, a failure."""

    def translate(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not (is_page and request.path.startswith(API) and response.status_code in REASONS):
            return response
        allowed = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else None
        return refusal(REASONS[response.status_code], status=response.status_code, headers=allowed)

    return translate


def answers_head(get_response: View) -> View:
    """Middleware. Lets a HEAD be answered as a GET: the server leaves out the body, and the headers are the same."""

    def answer(request: HttpRequest) -> HttpResponse:
        method = request.method
        request.method = "GET" if method == "HEAD" else method
        response = get_response(request)
        request.method = method
        return response

    return answer


def uses_no_device(get_response: View) -> View:
    """Middleware. Says in every answer that its page wants nothing of the machine it is shown on."""
    policy = ", ".join(f"{feature}=()" for feature in UNUSED)

    def declare(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", policy)
        return response

    return declare


def _is_foreign(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None and not _is_from(origin, request.get_host()):
        return True
    return request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}


def _is_bare(request: HttpRequest) -> bool:
    """Is it a program's request without any content? That is of no type."""
    headers = request.headers
    is_empty = headers.get("Content-Length") in (None, "", "0") and "Transfer-Encoding" not in headers
    return is_empty and not headers.keys() & {"Content-Type", "Origin", "Sec-Fetch-Site"}


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
    """Where a proxy speaks TLS, a page that came without it is not ours, though it has our name."""
    try:
        scheme, netloc, *_ = urlsplit(origin)
    except ValueError:
        return False
    return netloc == host and scheme in ({"https"} if settings.HTTPS else {"http", "https"})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(f"the form lacks its token: reload the page and try again ({reason})", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses: a name that is not ours, a form with too many fields."""
    if isinstance(exception, DisallowedHost):
        return refusal("the server does not go by this name: use another, or add it to ALLOWED_HOSTS", status=400)
    return refusal("the server cannot make sense of this request", status=400)


def too_large() -> JsonResponse:
    return refusal(f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes are the most that can be sent", status=413)


def refusal(detail: str, *, status: int, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """Return an answer with a reason for a person to read, which does not repeat all of what somebody has sent."""
    short = detail if len(detail) <= LONGEST_REASON else f"{detail[: LONGEST_REASON - 1]}…"
    return JsonResponse({"detail": short}, status=status, headers=headers)


def refusal_of(error: DashboardError) -> JsonResponse:
    return refusal(str(error), status=error.status, headers=error.headers)
