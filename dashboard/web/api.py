"""The HTTP API. Its OpenAPI document, /api/openapi.json, is made from these signatures."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from ninja import NinjaAPI, Query, Status
from ninja.errors import HttpError, ValidationError

from dashboard.auditor.invariants import AUDITOR
from dashboard.errors import BadRequest, DashboardError, NotFound
from dashboard.live import nudge
from dashboard.models import Saga, Service
from dashboard.readmodel import history, outbox, rescue, services
from dashboard.readmodel.board import page, row_of
from dashboard.web import audit, limits, probes
from dashboard.web.answers import (
    Accepted,
    DeadLetterRow,
    DeadLetters,
    Invariants,
    Problem,
    SagaHistory,
    SagaPage,
    SagaRow,
    ServiceRow,
    Services,
)
from dashboard.web.guards import refusal, refusal_of, too_large
from dashboard.web.instructor import by_instructor
from dashboard.web.requests import AS_IT_WAS, NewSagas, Nothing, PageQuery, Replay, Resolution, SagaQuery, ServiceChange
from saga import tracing
from saga.state import ENDED

api = NinjaAPI(
    title="Saga Workshop",
    version="1",
    description="Start sagas, follow them, and ask whether everything holds. Times are RFC 3339 in UTC. "
    "Where INSTRUCTOR_PASSWORD is set, what breaks, kills, mends or rescues something is answered with 401 unless it "
    "comes with HTTP Basic authentication for the user `instructor`. Too many requests are answered with 429.",
    docs_url=None,
    openapi_url="/api/openapi.json",
    docs_decorator=lambda view: csrf_exempt(require_GET(view)),
)
api.add_router("", probes.router)
# With what all that only ask, and all that change something, may be refused.
ASKING = {503: Problem}
CHANGING = dict.fromkeys((401, 403, 413, 415, 422, 429, 503), Problem)


@api.post("/api/sagas", response=CHANGING | {202: Accepted}, summary="Start sagas")
def create_sagas(request: HttpRequest, body: NewSagas) -> Status:
    if body.faults:
        by_instructor("start sagas that fail")(request)
        audit.note(request, scenario=body.scenario, faults=body.dict(exclude_unset=True)["faults"])
    wanted = body.wanted
    limits.charge_sagas(request, len(body.users or ()) or body.count or 1)
    saga_ids = outbox.accept(**wanted, traceparent=request.headers.get(tracing.HEADER))
    nudge.saga_wanted()
    return Status(202, {"saga_ids": saga_ids})


@api.get("/api/sagas", response=ASKING | {200: SagaPage, 422: Problem}, summary="List sagas, newest first")
def list_sagas(request: HttpRequest, query: Query[SagaQuery]) -> dict[str, Any]:
    filters = {name: value for name in ("status", "scenario") if (value := getattr(query, name)) is not None}
    if query.status not in (None, *ENDED):
        filters["finished"] = None  # it has an index, so that a long history is passed over
    rows, following = page(before=query.after, limit=query.limit, filters=Q(**filters))
    return {"sagas": rows, "next": None if following is None else str(following)}


@api.post(
    "/api/sagas/retry",
    auth=by_instructor("retry all that is stuck"),
    response=CHANGING | {202: Accepted},
    summary="Drive every stuck saga on; try at once what waits",
)
def retry_stuck_sagas(request: HttpRequest, body: Nothing | None = None) -> Status:
    saga_ids = rescue.retry_all_stuck()
    nudge.saga_wanted()
    return Status(202, {"saga_ids": saga_ids})


@api.get("/api/sagas/{saga_id}", response=ASKING | {200: SagaHistory, 404: Problem}, summary="One saga with its events")
def show_saga(request: HttpRequest, saga_id: str) -> dict[str, Any]:
    saga = Saga.objects.filter(saga_id=saga_id).first()
    if saga is None:
        raise NotFound(f"there is no saga {saga_id!r}")
    return row_of(saga) | {"trace_id": history.trace_of(saga), "events": history.events_of(saga_id)}


_RESCUE = CHANGING | {202: SagaRow, 404: Problem, 409: Problem}


@api.post(
    "/api/sagas/{saga_id}/retry",
    auth=by_instructor("retry"),
    response=_RESCUE,
    summary="Drive a saga on; try at once what waits",
)
def retry_saga(request: HttpRequest, saga_id: str, body: Nothing | None = None) -> Status:
    return _wanted(rescue.retry(saga_id))


@api.post(
    "/api/sagas/{saga_id}/roll-back",
    auth=by_instructor("roll back"),
    response=_RESCUE,
    summary="Undo what a saga has done, from its end",
)
def roll_back_saga(request: HttpRequest, saga_id: str, body: Nothing | None = None) -> Status:
    return _wanted(rescue.roll_back(saga_id))


@api.post(
    "/api/sagas/{saga_id}/resolution",
    auth=by_instructor("resolve"),
    response=_RESCUE,
    summary="Say that a stuck step was undone by hand",
)
def resolve_saga(request: HttpRequest, saga_id: str, body: Resolution) -> Status:
    audit.note(request, step=body.step)
    return _wanted(rescue.resolve(saga_id, body.step))


def _wanted(saga: Saga) -> Status:
    nudge.saga_wanted()
    return Status(202, row_of(saga))


@api.get("/api/services", response=ASKING | {200: Services}, summary="How each service is")
def list_services(request: HttpRequest) -> dict[str, Any]:
    return {"services": [services.row_of(service) for service in services.in_order(Service.objects.all())]}


@api.patch(
    "/api/services/{name}",
    auth=by_instructor("change"),
    response=CHANGING | {200: ServiceRow, 404: Problem, 409: Problem},
    summary="Stop or start a service, change its lag, or what goes wrong at it",
)
def change_service(request: HttpRequest, name: str, body: ServiceChange) -> dict[str, Any]:
    audit.note(request, **body.dict(exclude_unset=True))
    if body.running is None and body.lag_ms is None and body.faults is None:
        raise BadRequest("give `running`, `lag_ms` or `faults`")
    service = services.change(
        name,
        running=body.running,
        lag_ms=body.lag_ms and tuple(body.lag_ms),
        rules=body.faults and body.faults.rules,
        once=body.faults and body.faults.once,
    )
    nudge.service_asked()
    return services.row_of(service)


@api.post(
    "/api/services/{name}/kill",
    auth=by_instructor("kill"),
    response=CHANGING | {202: ServiceRow, 404: Problem, 409: Problem},
    summary="Kill every instance of a service, as by SIGKILL",
)
def kill_service(request: HttpRequest, name: str, body: Nothing | None = None) -> Status:
    service = services.kill(name)
    nudge.service_asked()
    return Status(202, services.row_of(service))


@api.delete(
    "/api/faults",
    auth=by_instructor("clear all faults"),
    response=CHANGING | {200: Services},
    summary="Switch all faults off, of every service",
)
def clear_faults(request: HttpRequest, body: Nothing | None = None) -> dict[str, Any]:
    changed = services.clear_faults()
    nudge.service_asked()
    return {"services": [services.row_of(service) for service in changed]}


@api.get(
    "/api/dead-letters",
    response=ASKING | {200: DeadLetters, 422: Problem},
    summary="Messages that no service could process, newest first",
)
def list_dead_letters(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    rows, following = history.dead_letters(after=query.after, limit=query.limit)
    return {"dead_letters": rows, "next": None if following is None else str(following)}


@api.post(
    "/api/dead-letters/{letter_id}/replay",
    auth=by_instructor("replay"),
    response=CHANGING | {202: DeadLetterRow, 404: Problem, 409: Problem},
    summary="Send a dead letter's message again, as it was or corrected",
)
def replay_dead_letter(request: HttpRequest, letter_id: int, body: Replay = AS_IT_WAS) -> Status:
    audit.note(request, is_corrected=body.value is not None)
    letter = rescue.replay(letter_id, body.value)
    nudge.saga_wanted()
    [row] = history.dead_letter_rows([letter])
    return Status(202, row)


@api.get(
    "/api/invariants",
    response=ASKING | {200: Invariants},
    summary="Does everything hold? Compares the sagas with the ledgers",
)
def show_invariants(request: HttpRequest) -> dict[str, Any]:
    return AUDITOR.report()


@api.exception_handler(DashboardError)
def _refuse(request: HttpRequest, error: DashboardError) -> HttpResponse:
    return refusal_of(error)


@api.exception_handler(DatabaseError)
def _refuse_for_now(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    return refusal(f"the database does not answer: {error}", status=503)


@api.exception_handler(RequestDataTooBig)
def _refuse_too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return too_large()  # sent in chunks, so that its length was not known before


@api.exception_handler(TooManyFieldsSent)
def _refuse_many_fields(request: HttpRequest, error: TooManyFieldsSent) -> HttpResponse:
    return refusal("no request has so many fields", status=422)


@api.exception_handler(ValidationError)
def _refuse_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    if first["type"] == "value_error":
        return refusal(f"{where}: {first['ctx']['error']}".removeprefix(": "), status=422)
    return refusal(f"{where or 'the body'}: {first['msg']}", status=422)


@api.exception_handler(HttpError)
def _refuse_http(request: HttpRequest, error: HttpError) -> HttpResponse:
    # The library answers a body that is no JSON with 400; here everything that makes no sense is 422.
    return refusal(str(error), status=422 if error.status_code == 400 else error.status_code)
