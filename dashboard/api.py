"""The HTTP API. Its OpenAPI document, /api/openapi.json, is made from these signatures."""

from typing import Annotated, Any, Literal

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Query, Schema, Status
from ninja.errors import HttpError, ValidationError
from pydantic import ConfigDict, Field, model_validator

from dashboard import history, nudge, outbox, services
from dashboard.board import page, row_of
from dashboard.errors import BadRequest, DashboardError, NotFound
from dashboard.guards import refusal, refusal_of, too_large
from dashboard.invariants import AUDITOR
from dashboard.models import DeadLetter, Saga, Service
from dashboard.people import user_of
from dashboard.roster import MAX_USERS
from saga.definitions import CHOREOGRAPHY, DEFINITIONS, ONBOARDING, STYLES

api = NinjaAPI(
    title="Saga Workshop",
    version="1",
    description="Start sagas, follow them, and ask whether everything holds. Times are RFC 3339 in UTC.",
    docs_url=None,
    openapi_url="/openapi.json",
)

Scenario = Literal[tuple(DEFINITIONS)]
Style = Literal[STYLES]


class _Request(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewUser(_Request):
    name: str
    department: str


class NewSagas(_Request):
    """Either `count` made-up users, or `users` by name."""

    scenario: Scenario = ONBOARDING.scenario
    style: Style = CHOREOGRAPHY
    count: int | None = Field(None, ge=1, le=MAX_USERS, description="How many; 1 unless users are given.")
    users: list[NewUser] | None = Field(None, min_length=1, max_length=MAX_USERS)

    @model_validator(mode="after")
    def _check_count(self) -> "NewSagas":
        if self.users is not None and self.count not in (None, len(self.users)):
            raise ValueError(f"count is {self.count}, but {len(self.users)} users are given")
        return self


class Accepted(Schema):
    saga_ids: list[str]


class Problem(Schema):
    detail: str


class Step(Schema):
    name: str
    service: str
    status: str
    attempts: int
    result: dict[str, Any] | None


class User(Schema):
    name: str
    department: str


class SagaRow(Schema):
    saga_id: str
    number: int
    seq: int
    scenario: str
    style: str
    status: str
    reason: str | None
    user: User
    started_at: str
    ended_at: str | None
    finished: int | None
    overtook: int | None
    overtaken: int | None
    steps: list[Step]


class Event(Schema):
    seq: int
    kind: str
    service: str
    step: str | None
    attempt: int
    at: str
    topic: str | None
    partition: int | None
    offset: int | None
    key: str | None
    headers: dict[str, str]
    payload: Any
    detail: dict[str, Any]


class SagaHistory(SagaRow):
    events: list[Event]


class SagaPage(Schema):
    sagas: list[SagaRow]
    next: str | None


class SagaQuery(_Request):
    model_config = ConfigDict(extra="forbid", strict=False)
    status: str | None = None
    scenario: str | None = None
    after: int | None = Field(None, ge=0, description="The `next` of the page before.")
    limit: int = Field(100, ge=1, le=1000)


class ServiceChange(_Request):
    running: bool | None = None
    lag_ms: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None


@api.post("/sagas", response={202: Accepted, 422: Problem, 503: Problem}, summary="Start sagas")
def create_sagas(request: HttpRequest, body: NewSagas) -> Status:
    users = body.users and [user_of(user.name, user.department) for user in body.users]
    saga_ids = outbox.accept(DEFINITIONS[body.scenario], style=body.style, users=users or body.count or 1)
    nudge.board_changed()
    return Status(202, {"saga_ids": saga_ids})


@api.get("/sagas", response={200: SagaPage, 422: Problem}, summary="List sagas, newest first")
def list_sagas(request: HttpRequest, query: Query[SagaQuery]) -> dict[str, Any]:
    filters = {name: value for name in ("status", "scenario") if (value := getattr(query, name)) is not None}
    rows, following = page(before=query.after, limit=query.limit, filters=filters)
    return {"sagas": rows, "next": None if following is None else str(following)}


@api.get("/sagas/{saga_id}", response={200: SagaHistory, 404: Problem}, summary="One saga with its events")
def show_saga(request: HttpRequest, saga_id: str) -> dict[str, Any]:
    saga = Saga.objects.filter(saga_id=saga_id).first()
    if saga is None:
        raise NotFound(f"there is no saga {saga_id!r}")
    return row_of(saga) | {"events": history.events_of(saga_id)}


@api.get("/services", summary="How each service is")
def list_services(request: HttpRequest) -> dict[str, Any]:
    return {"services": [services.row_of(service) for service in Service.objects.all()]}


@api.patch("/services/{name}", summary="Stop or start a service, or change its lag")
def change_service(request: HttpRequest, name: str, body: ServiceChange) -> dict[str, Any]:
    if body.running is None and body.lag_ms is None:
        raise BadRequest("give `running`, `lag_ms` or both")
    service = services.change(name, running=body.running, lag_ms=body.lag_ms and tuple(body.lag_ms))
    nudge.board_changed()
    return services.row_of(service)


@api.post(
    "/services/{name}/kill", response={202: dict[str, Any]}, summary="Kill every instance of a service, as by SIGKILL"
)
def kill_service(request: HttpRequest, name: str) -> Status:
    return Status(202, services.row_of(services.kill(name)))


@api.get("/dead-letters", summary="Messages that no service could process, newest first")
def list_dead_letters(request: HttpRequest) -> dict[str, Any]:
    return {"dead_letters": [history.dead_letter_row(letter) for letter in DeadLetter.objects.order_by("-id")[:500]]}


class Check(Schema):
    name: str
    ok: bool
    detail: str


class Invariants(Schema):
    ok: bool
    checks: list[Check]


@api.get("/invariants", response=Invariants, summary="Does everything hold? Compares the sagas with the ledgers")
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
    # Sent in chunks, so that its length was not known before.
    return too_large()


@api.exception_handler(ValidationError)
def _refuse_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return refusal(f"{where}: {first['msg']}" if where else first["msg"], status=422)


@api.exception_handler(HttpError)
def _refuse_http(request: HttpRequest, error: HttpError) -> HttpResponse:
    # The library answers a body that is no JSON with 400; here everything that makes no sense is 422.
    return refusal(str(error), status=422 if error.status_code == 400 else error.status_code)
