"""The coordinator at work: reads requests and replies, writes the log, gives the commands that follow from it.

The saga execution coordinator. It decides nothing itself: `saga.saga_log` does, from the log. Kill it at any instant
and start another one: the message comes again, finds its entries in the log, and what they caused is commanded.
"""

from collections.abc import Sequence

from consumers.clock import Clock
from consumers.log_store import LogHasMoved, SagaLogStore
from consumers.role import Done, Sending, Work
from saga import reports, saga_log, wire
from saga.bus import Record
from saga.definitions import COORDINATOR
from saga.messages import Action, Kind, Reply, SagaMessage, TraceEvent
from saga.routing import Routed
from saga.saga_log import LogEntry, LogState


class Coordinator:
    """Implements `consumers.role.Role`."""

    name = COORDINATOR
    at_once = None

    def __init__(self, *, log: SagaLogStore, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    def takes_time(self, message: SagaMessage | Reply) -> bool:
        return False

    def greet(self, work: Work) -> None:
        return None

    def key(self, work: Work) -> tuple[str, str]:
        return (work.message.saga_id, "")

    def forget(self, saga_ids: Sequence[str]) -> None:
        self._log.forget(saga_ids)

    def next_due_s(self) -> None:
        return None

    def overdue(self) -> list[Record]:
        return []

    def give_up(self, record: Record) -> None:
        """Nothing is put off here."""

    def work(self, works: Sequence[Work]) -> tuple[list[Done], list[Work]]:
        logs = self._log.read([work.message.saga_id for work in works])
        decided, new = [], {}
        for work in works:
            log = logs.get(work.message.saga_id, [])
            state, entries = self._decide(work, log)
            decided.append((work, state))
            if entries:
                new[work.message.saga_id] = (len(log), entries)
        try:
            if new:
                self._log.append(new, at=self._clock.now())
        except LogHasMoved:
            return [], list(works)
        return [self._done(work, state) for work, state in decided], []

    def settle(self) -> None:
        """Messages ask for all that it does, and come again until their offsets are committed."""

    def _decide(self, work: Work, log: list[LogEntry]) -> tuple[LogState, list[LogEntry]]:
        before = saga_log.replay(log)
        entries = saga_log.decide(before, work.message)
        return saga_log.replay([*log, *entries]) if entries else before, entries

    def _done(self, work: Work, state: LogState) -> Done:
        """Return the commands to give and the events to tell, which follow from the log and the message alone."""
        message = work.message
        if state.request is None:
            return Done(work=work, refusal="it answers a command that was never given")
        done = Done(work=work, saga=state.request)
        if isinstance(message, SagaMessage) and not state.end:
            done.events.append(self._heard(work, message))
        done.sending = [self._given(routed) for routed in saga_log.commands(state, message)]
        if state.end and (isinstance(message, SagaMessage) or state.end.cause == message.id):
            done.events.append(self._ended(work, state.end))
        return done

    def _given(self, routed: Routed) -> Sending:
        now = self._clock.now()
        outgoing = wire.encode(routed.message, topic=routed.topic, source=self.name, at=now)
        about = {"service": self.name, "attempt": 1, "at": now}
        return Sending(outgoing, reports.on_outgoing(Kind.STARTED, outgoing, routed.message, **about))

    def _heard(self, work: Work, message: SagaMessage) -> TraceEvent:
        is_roll_back = message.action is Action.UNDO
        kind = Kind.UNDOING if is_roll_back else Kind.RECEIVED
        detail = {"reason": message.reason} if is_roll_back else {}
        about = {"service": self.name, "attempt": 1, "at": self._clock.now(), "detail": detail}
        return reports.on_record(kind, work.record, message, **about)

    def _ended(self, work: Work, end: LogEntry) -> TraceEvent:
        about = {"service": self.name, "attempt": 1, "at": self._clock.now(), "hop": end.hop}
        about |= {"step": None, "action": Action.DO, "detail": {"reason": end.reason} if end.reason else {}}
        return reports.on_record(Kind(str(end.end)), work.record, work.message, **about)
