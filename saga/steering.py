"""What services and the dashboard say to each other beside the sagas' own messages.

heartbeat   consumers.pulse beats -> backstage.hearts hears -> backstage.watch remembers -> backstage.monitor writes
control     readmodel.services writes down -> backstage.herald says -> consumers.pulse hears -> consumers.dials turn
forget      backstage.retention says -> consumers.worker hears -> the ledger, or the coordinator's log, deletes
"""

import zlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from saga import tracing
from saga.messages import STRICT, Action, Count, ErrorText, Name, SagaId, Timestamp

# How many sagas are forgotten by one message.
MAX_FORGOTTEN = 1_000
# The longest that a step may be asked to take.
LONGEST_LAG_MS = 600_000

State = Literal["starting", "running", "stopped", "failing", "ended"]
Lag = Annotated[int, Field(ge=0, le=LONGEST_LAG_MS)]
Rate = Annotated[float, Field(ge=0, le=1)]
Most = Annotated[int, Field(ge=1, le=1000)]
# What a page is shown of an instance: where it runs, how it is, which partitions it has.
Words = Annotated[str, StringConstraints(max_length=1000)]


class Instant(StrEnum):
    """The instants of a cycle at which a crash teaches something."""

    AFTER_RECEIVING = "after receiving"
    AFTER_LEDGER = "after the ledger's transaction"
    AFTER_PRODUCING = "after producing"
    BEFORE_COMMITTING = "before committing offsets"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRules:
    """What goes wrong at a service while these rules are on.

    Chance is a function of `seed`, the user (of a reply: the saga), the step, the round, and the attempt if the failure
    is `retryable`.

    `fail_rate` is the part of attempts that fail, of `step` only if one is named, of compensations if `action` is
    UNDO. Of the messages that arrive, `drop_rate` are lost, `duplicate_rate` come twice, `delay_rate` take `delay_ms`
    longer, and `reorder_rate` are overtaken by those that come up to a second later.
    """

    __pydantic_config__: ClassVar = STRICT

    fail_rate: Rate = 0.0
    retryable: bool = True
    action: Action = Action.DO
    step: Name | None = None
    error: ErrorText = "a fault was asked for"
    drop_rate: Rate = 0.0
    duplicate_rate: Rate = 0.0
    delay_rate: Rate = 0.0
    delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 1000
    reorder_rate: Rate = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @property
    def are_on(self) -> bool:
        return any((self.fail_rate, self.drop_rate, self.duplicate_rate, self.delay_rate, self.reorder_rate))


NO_FAULTS = FaultRules()
# How often each service says that it lives, in seconds; who is silent for some of these is taken for gone.
BEAT_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one instance shall do once: die now (`kill`), crash at an instant (`crash_at`), fail its next attempts
    (`fail_next`), or drop such orders as it still holds (`disarm`).

    It names the instance, so one that is started later does not obey what it reads in the log.
    """

    __pydantic_config__: ClassVar = STRICT

    instance: str
    kill: bool = False
    crash_at: Instant | None = None
    fail_next: Most | None = None
    disarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How one instance of a service is. `handled` counts messages since it started; `partitions` are topic/number.

    `heard` is the `wish` of the newest control that reached it; `armed` are the orders that wait for their moment:
    `crash_at`, `fail_next`.
    """

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.service.heartbeat.v1"

    service: Name
    instance: Name
    pid: Count
    host: Words
    state: State
    detail: Words
    partitions: tuple[Words, ...]
    heard: Words = ""
    armed: dict[Name, Name | Count] = field(default_factory=dict)
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

    @property
    def trace_id(self) -> str:
        """It is no saga's business, so each is a trace of its own."""
        return tracing.trace_id_of(self.id)


def _shortest_first(lag_ms: tuple[int, int]) -> tuple[int, int]:
    if lag_ms[0] > lag_ms[1]:
        raise ValueError("the shortest lag comes first")
    return lag_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What a service is asked to be; the newest one counts. With an `order`, one instance is told something as well."""

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.service.control.v1"

    service: str
    running: bool
    lag_ms: Annotated[tuple[Lag, Lag], AfterValidator(_shortest_first)]
    faults: FaultRules = NO_FAULTS
    order: Order | None = None

    @property
    def id(self) -> str:
        return f"{self.service}.{zlib.crc32(repr(self).encode()):08x}"

    @property
    def wish(self) -> str:
        """Return a name for all that the service is asked to be: as long as that is the same, so is this."""
        return replace(self, order=None).id

    @property
    def subject(self) -> str:
        return self.service

    @property
    def trace_id(self) -> str:
        """It is no saga's business, so each is a trace of its own."""
        return tracing.trace_id_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """What the dashboard tells every service: nobody needs to know of these sagas any more, all of which have ended."""

    __pydantic_config__: ClassVar = STRICT
    TYPE: ClassVar = "workshop.forget.v1"

    saga_ids: Annotated[tuple[SagaId, ...], Field(min_length=1, max_length=MAX_FORGOTTEN)]

    @property
    def id(self) -> str:
        return f"{self.saga_ids[0]}.forget.{len(self.saga_ids)}"

    @property
    def subject(self) -> str:
        return self.id

    @property
    def trace_id(self) -> str:
        """It is no single saga's business, so each is a trace of its own."""
        return tracing.trace_id_of(self.id)
