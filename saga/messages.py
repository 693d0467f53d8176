"""What the messages say. How they look on the wire is `saga.wire`'s business.

Every class is a value. A message names itself (`id`) from the saga, the step and what is asked, never at random:
the same thing said twice has the same id, and that is how a repeat is recognised.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from saga import times
from saga.definitions import WHOLE
from saga.tracing import TraceId

STRICT = ConfigDict(extra="forbid", strict=True)

# The longest text that a name may be, here and in every database.
MAX_NAME = 100
MAX_REASON = 500
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
# What a person gives as the error that shall happen. NUL is a character that PostgreSQL holds nowhere.
ErrorText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Timestamp = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"), AfterValidator(times.checked)
]
# It becomes a message key, a Message-ID and a file name, so it may hold nothing that means something there.
SagaId = Annotated[str, StringConstraints(max_length=36, pattern=r"^[0-9A-Za-z_.-]+$")]
# A count, and an offset or a time in the log: JSON knows integers that no database holds.
Count = Annotated[int, Field(ge=0, lt=2**31)]
Round = Annotated[int, Field(ge=1, lt=2**31)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]


class Action(StrEnum):
    """What is asked for: a step, or its compensation."""

    DO = "do"
    UNDO = "undo"


class Kind(StrEnum):
    """What a service says about its own work, in the order in which it can happen."""

    STARTED = "started"
    RECEIVED = "received"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDO_FAILED = "undo failed"
    UNDONE = "undone"
    STUCK = "stuck"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    DEAD_LETTERED = "dead-lettered"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The person whose saga it is."""

    name: Name
    department: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFault:
    """What shall go wrong with one step of one saga, asked for when it was started.

    The first `failures` attempts fail, all of them if that is None; an error that is not `retryable` fails the step at
    the first attempt. `action` says whether it is the step or its compensation.
    """

    __pydantic_config__: ClassVar = STRICT

    failures: Annotated[int, Field(ge=1, le=1000)] | None = None
    retryable: bool = False
    error: ErrorText | None = None
    action: Action = Action.DO


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaMessage:
    """A request that travels the saga, carrying all that earlier steps achieved (event-carried state transfer).

    `step` is the step asked for. None means the saga as a whole: to run it (a coordinator) or to close it (a
    choreography), and with UNDO to roll it back. `hop` counts the messages before this one in the same saga: a Lamport
    timestamp (1978), which orders what clocks cannot. `round` counts how often the saga was driven on from its start;
    a higher one means that somebody wants a retry now. `by_hand` says that a person has undone the step already.
    `trace_id` names the trace that the saga belongs to, where whoever asked for it had one.
    """

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.saga.message.v1"

    saga_id: SagaId
    scenario: str
    style: str
    step: str | None
    action: Action = Action.DO
    user: User
    results: dict[str, dict[str, Any]]
    hop: Count
    round: Round = 1
    reason: Annotated[str, StringConstraints(max_length=MAX_REASON)] | None = None
    faults: dict[str, StepFault] = field(default_factory=dict)
    by_hand: bool = False
    trace_id: TraceId | None = None

    @property
    def id(self) -> str:
        return f"{self.saga_id}.{self.step or WHOLE}.{self.action}"

    @property
    def subject(self) -> str:
        return self.saga_id


class Outcome(StrEnum):
    """What became of a command."""

    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a participant tells the coordinator: the `outcome` of the command for `action` of `step`."""

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.saga.reply.v1"

    saga_id: SagaId
    scenario: str
    step: str
    action: Action
    outcome: Outcome
    hop: Count
    round: Round = 1
    result: dict[str, Any] = field(default_factory=dict)
    reason: Annotated[str, StringConstraints(max_length=MAX_REASON)] | None = None
    trace_id: TraceId | None = None

    @property
    def id(self) -> str:
        return f"{self.saga_id}.{self.step}.{self.action}.{self.outcome}"

    @property
    def subject(self) -> str:
        return self.saga_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent:
    """One thing that one service did for one saga.

    `action` tells a step's events from those of its compensation. `at` is RFC 3339 in UTC. `topic`, `partition`,
    `offset`, `key`, `headers` and `payload` tell which message it was: the one read or, where one was written because
    of it, that one. `payload` is the message as it stood on the wire.
    """

    kind: Kind
    service: Name
    step: Name | None
    action: Action = Action.DO
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
        """The event's name within its saga: a repeat has the same one, another attempt has another."""
        name = f"{self.step or WHOLE}.{self.kind}"
        if self.action is Action.UNDO:
            name += ".undo"
        return f"{name}.{self.attempt}" if self.attempt > 1 else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a service says at one moment about one saga: one event or a few."""

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.saga.trace.v1"

    saga_id: SagaId
    scenario: str
    style: str
    user: User
    events: Annotated[tuple[TraceEvent, ...], Field(min_length=1, max_length=20)]
    trace_id: TraceId | None = None

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
    """A message that could not be processed: what it was, where it was, and why. `value` is readable, not exact.

    `written_at` is the message's time in the log (`saga.bus.Record`): it tells apart what stood at one place in turn.
    """

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.dead-letter.v1"

    service: Name
    reason: str
    topic: Annotated[str, StringConstraints(max_length=249)]
    partition: Count
    offset: Offset
    written_at: Offset = 0
    key: str | None
    value: str | None
    at: Timestamp
    trace_id: TraceId | None = None

    @property
    def id(self) -> str:
        return f"{self.topic}.{self.partition}.{self.offset}.{self.written_at}"

    @property
    def subject(self) -> str:
        return self.key or self.id
