"""The page, its two forms (which work without script), and the health checks."""

from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from dashboard import nudge, outbox, roster
from dashboard.errors import BadRequest, DashboardError, TooLarge
from dashboard.guards import refusal_of
from dashboard.health import HEALTH, service_reports
from dashboard.people import DEPARTMENTS
from saga.definitions import CHOREOGRAPHY, ONBOARDING
from saga.messages import User
from saga.topics import SERVICES


@require_GET
@ensure_csrf_cookie
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/page.html", {"departments": DEPARTMENTS, "services": SERVICES})


@require_POST
def onboard(request: HttpRequest) -> HttpResponse:
    """Start the number of sagas that the form names."""
    return _accept(request, lambda: _count(request.POST.get("count", "1")))


@require_POST
def upload_roster(request: HttpRequest) -> HttpResponse:
    """Start a saga for each user of a pasted or uploaded list."""
    return _accept(request, lambda: roster.parse(_list(request)))


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True})


@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether everything works, dependency by dependency."""
    dependencies = HEALTH.report() + service_reports()
    ready = all(dependency["ok"] for dependency in dependencies)
    return JsonResponse({"ready": ready, "dependencies": dependencies}, status=200 if ready else 503)


def _accept(request: HttpRequest, users_of: Callable[[], Sequence[User] | int]) -> HttpResponse:
    try:
        saga_ids = outbox.accept(ONBOARDING, style=CHOREOGRAPHY, users=users_of())
    except DashboardError as error:
        return refusal_of(error)
    nudge.board_changed()
    if request.accepts("text/html"):
        return redirect("board")
    return JsonResponse({"saga_ids": saga_ids}, status=202)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= roster.MAX_USERS:
        raise BadRequest(f"give a whole number from 1 to {roster.MAX_USERS:,}")
    return int(text)


def _list(request: HttpRequest) -> bytes:
    uploaded = request.FILES.get("file")
    if uploaded is None:
        return request.POST.get("text", "").encode("utf-8", "surrogatepass")
    if uploaded.size > roster.MAX_BYTES:
        raise TooLarge(f"the list has {uploaded.size:,} bytes; {roster.MAX_BYTES:,} is the most")
    return uploaded.read()
