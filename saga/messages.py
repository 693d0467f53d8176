"""What the messages say. How they look on the wire is `saga.wire`'s business.

Every class is a value. A message names itself (`id`) from the saga, the step and what is asked, never at random:
the same thing said twice has the same id, and that is how a repeat is recognised.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

_STRICT = ConfigDict(extra="forbid", strict=True)

# The longest text that a name may be, here and in every database.
MAX_NAME = 100
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Timestamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
State = Literal["starting", "running", "stopped", "failing"]
# It becomes a message key, a Message-ID and a file name, so it may hold nothing that means something there.
SagaId = Annotated[str, StringConstraints(max_length=36, pattern=r"^[0-9A-Za-z_.-]+$")]
# A count, and an offset in the log: JSON knows integers that no database holds.
Count = Annotated[int, Field(ge=0, lt=2**31)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]


class Kind(StrEnum):
    """What a service says about its own work."""

    STARTED = "started"
    RECEIVED = "received"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The person whose saga it is."""

    name: Name
    department: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaMessage:
    """A request that travels the saga, carrying all that earlier steps achieved (event-carried state transfer).

    `step` is the step asked for, None when the request is to close the saga. `hop` counts the messages before this
    one in the same saga: a Lamport timestamp (1978), which orders what clocks cannot.
    """

    __pydantic_config__: ClassVar = _STRICT
    TYPE: ClassVar = "workshop.saga.message.v1"

    saga_id: SagaId
    scenario: str
    style: str
    step: str | None
    user: User
    results: dict[str, dict[str, Any]]
    hop: Count

    @property
    def id(self) -> str:
        return f"{self.saga_id}.{self.step}.do" if self.step else f"{self.saga_id}.close"

    @property
    def subject(self) -> str:
        return self.saga_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent:
    """One thing that one service did for one saga.

    `at` is RFC 3339 in UTC; `topic`, `partition`, `offset`, `key`, `headers` and `payload` tell which message it was:
    the one read (received, retrying) or the one written (started, succeeded). `payload` is that message as it stood on
    the wire.
    """

    kind: Kind
    service: Name
    step: Name | None
    attempt: Count
    at: Timestamp
    hop: Count
    topic: str | None = None
    partition: Count | None = None
    offset: Offset | None = None
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    payload: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def slot(self) -> str:
        """The event's name within its saga; a repeat has the same one, and only a retry can happen more than once."""
        name = f"{self.step or 'saga'}.{self.kind}"
        return f"{name}.{self.attempt}" if self.kind is Kind.RETRYING else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a service says at one moment about one saga: one event or a few."""

    __pydantic_config__: ClassVar = _STRICT
    TYPE: ClassVar = "workshop.saga.trace.v1"

    saga_id: SagaId
    scenario: str
    style: str
    user: User
    events: Annotated[tuple[TraceEvent, ...], Field(min_length=1, max_length=20)]

    @property
    def slots(self) -> str:
        return "+".join([event.slot for event in self.events])

    @property
    def id(self) -> str:
        return f"{self.saga_id}.trace.{self.slots}"

    @property
    def subject(self) -> str:
        return self.saga_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be processed: what it was, where it was, and why. `value` is readable, not exact."""

    __pydantic_config__: ClassVar = _STRICT
    TYPE: ClassVar = "workshop.dead-letter.v1"

    service: Name
    reason: str
    topic: Annotated[str, StringConstraints(max_length=249)]
    partition: Count
    offset: Offset
    key: str | None
    value: str | None
    at: Timestamp

    @property
    def id(self) -> str:
        return f"{self.topic}.{self.partition}.{self.offset}"

    @property
    def subject(self) -> str:
        return self.key or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How one instance of a service is. `handled` counts messages since it started; `partitions` are topic/number."""

    __pydantic_config__: ClassVar = _STRICT
    TYPE: ClassVar = "workshop.service.heartbeat.v1"

    service: str
    instance: str
    pid: Count
    host: str
    state: State
    detail: str
    partitions: tuple[str, ...]
    in_flight: Count
    handled: Count
    beat: Count
    at: Timestamp

    @property
    def id(self) -> str:
        return f"{self.instance}.{self.beat}"

    @property
    def subject(self) -> str:
        return self.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What a service is asked to be; the newest one counts. `kill` names the one instance that shall die at once."""

    __pydantic_config__: ClassVar = _STRICT
    TYPE: ClassVar = "workshop.service.control.v1"

    service: str
    running: bool
    lag_ms: tuple[Count, Count]
    kill: str | None = None

    @property
    def id(self) -> str:
        low, high = self.lag_ms
        return f"{self.service}.{'on' if self.running else 'off'}.{low}-{high}.{self.kill or 'spare'}"

    @property
    def subject(self) -> str:
        return self.service
