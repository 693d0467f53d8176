"""The pages, and the forms of the first one (which work without script)."""

import json
from collections.abc import Callable, Sequence

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from dashboard.errors import BadRequest, DashboardError, NotInstructor, TooLarge
from dashboard.live import nudge
from dashboard.models import Saga
from dashboard.readmodel import clock, history, outbox, services
from dashboard.readmodel.board import row_of
from dashboard.readmodel.people import DEPARTMENTS
from dashboard.web import audit, drawing, limits, roster, stories
from dashboard.web.guards import refusal, refusal_of
from dashboard.web.instructor import by_instructor, log_in, log_out
from dashboard.web.visitors import greets
from saga import tracing
from saga.definitions import CHOREOGRAPHY, COORDINATOR, DEFINITIONS, ONBOARDING
from saga.messages import User
from saga.steering import Instant
from saga.topics import PARTICIPANTS

_ONBOARDING_SERVICES = tuple(dict.fromkeys(step.service for step in ONBOARDING.steps))
_GROUPS = {
    "Onboarding": _ONBOARDING_SERVICES,
    "Bookings": tuple(name for name in PARTICIPANTS if name not in _ONBOARDING_SERVICES),
    "Orchestration": (COORDINATOR,),
}
_BOARD = {
    "departments": DEPARTMENTS,
    "service_groups": {
        title: [{"name": name, "steps": services.steps_of(name)} for name in names] for title, names in _GROUPS.items()
    },
    "stories": stories.STORIES,
    "definitions": tuple(DEFINITIONS.values()),
    "styles": ONBOARDING.styles,
    "most_steps": range(max(len(definition.steps) for definition in DEFINITIONS.values())),
    "instants": tuple(Instant),
}


@require_GET
@greets(limits.may_greet)
@ensure_csrf_cookie
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/page.html", _BOARD)


@require_GET
@greets(limits.may_greet)
def saga(request: HttpRequest, saga_id: str) -> HttpResponse:
    """Show all that is known of one saga."""
    try:
        found = Saga.objects.filter(saga_id=saga_id).first()
        if found is None:
            raise Http404(f"There is no saga {saga_id}.")
        row, events = row_of(found), history.events_of(saga_id)
    except DatabaseError as error:
        return refusal(f"the database does not answer: {error}", status=503)
    drawn = {"stages": drawing.stages_of(row), "style_words": drawing.style_words(row)}
    told = {
        "saga": row,
        "trace_id": history.trace_of(found),
        "row_json": json.dumps(row),
        "now": clock.utc_now(),
        "roles": drawing.ROLES,
    }
    return render(request, "dashboard/saga.html", told | drawn | {"events": drawing.events_of(row, events)})


@require_POST
def onboard(request: HttpRequest) -> HttpResponse:
    """Start the number of sagas that the form names."""
    return _accept(request, lambda: _count(request.POST.get("count", "1")))


@require_POST
def upload_roster(request: HttpRequest) -> HttpResponse:
    """Start a saga for each user of a pasted or uploaded list."""
    return _accept(request, lambda: roster.parse(_list(request)))


@require_POST
def tell(request: HttpRequest) -> HttpResponse:
    """Start the sagas of a story."""
    return _begin(request, lambda: _start_story(request, stories.named(request.POST.get("story", ""))))


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """Make this browser the instructor's, if it knows the password."""
    try:
        log_in(request, request.POST.get("password", ""))
    except DashboardError as error:
        return _refuse_login(request, error)
    return _back(request)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    log_out(request)
    return _back(request)


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead browsers to the icon that ask for it by habit, as for an address that names none of its own."""
    return redirect(static("favicon.svg"))


def _accept(request: HttpRequest, users_of: Callable[[], Sequence[User] | int]) -> HttpResponse:
    return _begin(request, lambda: _onboard(request, users_of()))


def _onboard(request: HttpRequest, users: Sequence[User] | int) -> list[str]:
    style = _style(request)
    limits.charge_sagas(request, users if isinstance(users, int) else len(users))
    return outbox.accept(ONBOARDING, style=style, users=users, traceparent=_trace(request))


def _start_story(request: HttpRequest, story: stories.Story) -> list[str]:
    if story.breaks:
        by_instructor("start sagas that fail")(request)
        audit.note(request, story=story.slug)
    limits.charge_sagas(request, 1)
    return stories.start(story, traceparent=_trace(request))


def _begin(request: HttpRequest, start: Callable[[], list[str]]) -> HttpResponse:
    try:
        saga_ids = start()
    except NotInstructor as error:
        return _refuse_login(request, error)
    except DashboardError as error:
        return refusal_of(error)
    nudge.saga_wanted()
    if request.accepts("text/html"):
        return redirect("board")
    return JsonResponse({"saga_ids": saga_ids}, status=202)


def _refuse_login(request: HttpRequest, error: DashboardError) -> HttpResponse:
    """Say what is wrong where the login is, to a person without scripts on the page itself."""
    if not request.accepts("text/html"):
        return refusal_of(error)
    told = _BOARD | {"login_problem": str(error)}
    html = render_to_string("dashboard/page.html", told, request)
    return HttpResponse(html, status=error.status, headers=error.headers)


def _back(request: HttpRequest) -> HttpResponse:
    """Answer a form that does not start anything. Where to, no request has a say in."""
    return redirect("board") if request.accepts("text/html") else JsonResponse({"ok": True})


def _trace(request: HttpRequest) -> str | None:
    return request.headers.get(tracing.HEADER)


def _style(request: HttpRequest) -> str:
    style = request.POST.get("style", CHOREOGRAPHY)
    if style not in ONBOARDING.styles:
        raise BadRequest(f"the style is {' or '.join(ONBOARDING.styles)}")
    return style


def _count(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not 1 <= int(text) <= roster.MAX_USERS:
        raise BadRequest(f"give a whole number from 1 to {roster.MAX_USERS:,}")
    return int(text)


def _list(request: HttpRequest) -> bytes:
    uploaded = request.FILES.get("file")
    if uploaded is None:
        return request.POST.get("text", "").encode("utf-8", "surrogatepass")
    if uploaded.size > roster.MAX_BYTES:
        raise TooLarge(f"the list has {uploaded.size:,} bytes; {roster.MAX_BYTES:,} is the most")
    return uploaded.read()
