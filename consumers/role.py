"""What the runtime asks of the thing that it runs: a participant's work, or the coordinator's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from saga.bus import Outgoing, Record
from saga.messages import Reply, SagaMessage, TraceEvent


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """A message that a worker has in hand.

    `from_timer`: the ledger kept it for another attempt. `holds_offset`: when it is done, its offset may be committed;
    not so of what comes from the timer, or will be done once more.
    """

    record: Record
    message: SagaMessage | Reply
    from_timer: bool = False
    holds_offset: bool = True


class Sending(NamedTuple):
    """A message to write, and the event that tells of it once it is acknowledged, if one does."""

    message: Outgoing
    event: TraceEvent | None


@dataclass(slots=True, kw_only=True)
class Done:
    """What came of a piece of work, and in whose saga: messages to write, events to tell, or why it is refused."""

    work: Work
    saga: SagaMessage | None = None
    sending: list[Sending] = field(default_factory=list)
    events: list[TraceEvent] = field(default_factory=list)
    refusal: str | None = None


class Role(Protocol):
    """What a worker works as. One thread calls everything."""

    @property
    def name(self) -> str: ...

    @property
    def at_once(self) -> int | None:
        """How many pieces of work it can do in one cycle; None if they may be any number."""

    def takes_time(self, message: Any) -> bool:
        """Does this seem to take a while, as real work does? Bookkeeping does not."""

    def greet(self, work: Work) -> tuple[SagaMessage, TraceEvent] | None:
        """Return what there is to say when the work is taken on, before it is done, and whose saga it is."""

    def key(self, work: Work) -> tuple[str, str]:
        """Return what only one piece of work may concern at a time."""

    def forget(self, saga_ids: Sequence[str]) -> None:
        """Delete what is written down about these sagas; of one that nothing is known of, too."""

    def overdue(self) -> list[Record]:
        """Return messages that were put off, and whose time has come. No other instance gets them for a while."""

    def give_up(self, record: Record) -> None:
        """Hear that a message that was put off cannot be read any more: it shall not come again."""

    def next_due_s(self) -> float | None:
        """Return in how many seconds something may be overdue, None if nothing is known of any."""

    def work(self, works: Sequence[Work]) -> tuple[list[Done], list[Work]]:
        """Do the work, write it down in one transaction, and return what came of it; and what must be done anew."""

    def settle(self) -> None:
        """Hear that all that came of the last work, or was given up, is acknowledged, and need not be said again."""
