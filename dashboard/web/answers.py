"""What the HTTP API answers, as its OpenAPI document describes it."""

from typing import Any

from ninja import Schema
from pydantic import Field


class Accepted(Schema):
    saga_ids: list[str]


class Problem(Schema):
    detail: str


class Step(Schema):
    name: str
    service: str
    status: str
    attempts: int
    undo_attempts: int
    result: dict[str, Any] | None
    error: str | None
    next_attempt_at: str | None


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
    stuck_at: str | None
    rolling_back: bool
    finished: int | None
    overtook: int | None
    overtaken: int | None
    steps: list[Step]


class Event(Schema):
    seq: int = Field(description="Its place, causes before effects: a late cause moves what follows from it.")
    kind: str
    service: str
    step: str | None
    action: str
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
    trace_id: str = Field(description="The W3C trace that its messages belong to.")
    events: list[Event]


class SagaPage(Schema):
    sagas: list[SagaRow]
    next: str | None


class Instance(Schema):
    """A process that works as a service, as it last said of itself."""

    instance: str
    pid: int = 0
    host: str = ""
    state: str = "starting"
    partitions: list[str] = []
    in_flight: int = 0
    rate: float = Field(0.0, description="Messages a second.")
    last_heartbeat: str = ""
    heard: bool = Field(description="Has it heard what is asked of the service now?")


class ServiceRow(Schema):
    name: str
    seq: int = Field(description="Rises with every change but heartbeats: of two rows, the lower one is older.")
    topics: list[str]
    running: bool = Field(description="What it is asked to do; `state` is what it does.")
    lag_ms: list[int]
    faults: dict[str, Any]
    state: str
    detail: str
    in_flight: int
    backlog: int
    rate: float
    partitions: int
    restarts: int
    armed: dict[str, Any] = Field(description="Orders that wait for their moment.")
    instances: list[Instance]
    heard: bool


class Services(Schema):
    services: list[ServiceRow]


class DeadLetterRow(Schema):
    id: int
    service: str
    reason: str
    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None
    at: str
    replayed_at: str | None
    saga_id: str | None
    replay_asked: bool


class DeadLetters(Schema):
    dead_letters: list[DeadLetterRow]
    next: str | None


class Check(Schema):
    name: str
    ok: bool
    detail: str


class Invariants(Schema):
    ok: bool
    checks: list[Check]


class Alive(Schema):
    ok: bool


class Dependency(Schema):
    name: str
    ok: bool
    detail: str


class Readiness(Schema):
    ready: bool
    dependencies: list[Dependency]
