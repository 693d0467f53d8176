"""The consumer runtime: one cycle takes messages on, does what is due, and says so, in the order that survives a crash.

    poll -> take on -> (lag) -> work, written down -> outcomes acknowledged -> trace acknowledged -> commit offsets

A crash between any two of these means that messages are delivered again. What was written down is then not done again,
only said again, under the same ids (the idempotent receiver and transactional outbox patterns in one table). What came
of the ledger's own timer has no offset: there the ledger keeps the message until all has been acknowledged.
"""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from random import Random

from consumers.clock import Clock
from consumers.desk import Desk
from consumers.dials import Dials
from consumers.event_log import log_said
from consumers.faults import Faults
from consumers.role import Done, Role, Work
from saga import intake, reports, wire
from saga.bus import Bus, Record, TopicPartition, gather
from saga.errors import MessageRejected
from saga.messages import Reply, SagaMessage, TraceEvent
from saga.steering import Forget, Instant
from saga.topics import DEAD_LETTER, FORGET, TOPICS_BY_SERVICE, TRACE

POLL_TIMEOUT_S = 1.0
BATCH_LIMIT = 500
GATHER_S = 0.02


@dataclass(slots=True, kw_only=True)
class _Cycle:
    """What one cycle has to tell the world before it may commit."""

    said: list[tuple[SagaMessage, TraceEvent]] = field(default_factory=list)
    refused: list[tuple[Record, str]] = field(default_factory=list)
    finished: list[Record] = field(default_factory=list)

    def refuse(self, record: Record, reason: str) -> None:
        self.refused.append((record, reason))
        self.finished.append(record)


class Worker:
    """One member of a service's consumer group, at work as `role`. One thread calls everything.

    `handled`, `in_flight` and `assigned` are replaced whole, so that others may read them.
    """

    def __init__(
        self, role: Role, bus: Bus, *, dials: Dials, faults: Faults, clock: Clock, random: Random, work_limit: int
    ) -> None:
        self.handled = 0
        self.in_flight = 0
        self.assigned: frozenset[TopicPartition] = frozenset()
        self._role = role
        self._dials = dials
        self._faults = faults
        self._clock = clock
        self._random = random
        self._work_limit = work_limit
        self._desk = Desk()
        self._read: list[Record] = []
        topics = (*TOPICS_BY_SERVICE[role.name], FORGET)
        with ExitStack() as opening:  # if the second client cannot be opened, the first is closed
            self._producer = opening.enter_context(closing(bus.producer()))
            self._consumer = opening.enter_context(
                closing(bus.consumer(role.name, topics, on_revoked=self._handle_revoked))
            )
            self._clients = opening.pop_all()

    def run_once(self) -> bool:
        """Do one cycle; return whether there was anything to do. Raises what the broker or the ledger raises."""
        cycle = _Cycle()
        self._take_on(self._poll(), cycle)
        done = self._work(self._due(cycle))
        self._send(done, cycle)
        self._tell(cycle)
        self._role.settle()
        self._desk.finish(cycle.finished)
        self._commit()
        self.handled += len(cycle.finished)
        self.in_flight = len(self._desk)
        self.assigned = frozenset(one for one in self._consumer.assigned() if one.topic != FORGET)
        return bool(cycle.said or cycle.finished)

    def close(self) -> None:
        """Leave the group. Work in hand is given up: its offsets are not committed, so it comes again."""
        self._clients.close()

    def _poll(self) -> list[Record]:
        room = max(0, self._work_limit - len(self._desk))
        limit, clock = min(room, BATCH_LIMIT), self._clock.monotonic
        self._read = []
        return gather(self._consumer, self._patience_s(), limit=limit, within_s=GATHER_S, clock=clock, held=self._read)

    def _patience_s(self) -> float:
        """Return how long there is nothing else to do than to wait for messages."""
        due = self._desk.next_due()
        waits = [POLL_TIMEOUT_S, self._role.next_due_s(), None if due is None else due - self._clock.monotonic()]
        return max(0.0, min(wait for wait in waits if wait is not None))

    def _take_on(self, records: list[Record], cycle: _Cycle) -> None:
        """Put records on the desk, each due after a lag of its own."""
        if any(record.topic != FORGET for record in records):
            self._faults.crash_if(Instant.AFTER_RECEIVING)
        for record in records:
            self._desk.take_on(record)
            try:
                if record.topic == FORGET:
                    self._forget(record, cycle)
                else:
                    self._schedule(record, _message_of(record), cycle)
            except MessageRejected as rejection:
                cycle.refuse(record, str(rejection))

    def _forget(self, record: Record, cycle: _Cycle) -> None:
        """Forget sagas, at once. It is no work on them: it takes no time, no fault touches it, and nobody is told."""
        self._role.forget(wire.decode(Forget, record.value).saga_ids)
        cycle.finished.append(record)

    def _schedule(self, record: Record, message: SagaMessage | Reply, cycle: _Cycle) -> None:
        arrivals = self._faults.arrivals(message)
        if not arrivals:
            cycle.finished.append(record)  # it was lost on its way, so nobody hears of it
        now = self._clock.monotonic()
        dues = sorted(now + late_s + self._lag_s(message) for late_s in arrivals)
        for number, due in enumerate(dues, start=1):
            # The last one counts: as long as one is in hand, nobody may take the message for done.
            work = Work(record=record, message=message, holds_offset=number == len(dues))
            self._desk.schedule(work, due=due)
            if said := self._role.greet(work):
                cycle.said.append(said)

    def _due(self, cycle: _Cycle) -> list[Work]:
        """Return what it is time for: no more than the role can do at once, and first what has been put off before."""
        overdue, most = self._overdue(cycle), self._role.at_once
        room = None if most is None else max(0, most - len(overdue))
        return self._desk.take_due(self._clock.monotonic(), limit=room) + overdue

    def _overdue(self, cycle: _Cycle) -> list[Work]:
        """Return the work that the ledger's timer brings; what an earlier version kept may mean nothing to this one."""
        overdue = []
        for record in self._role.overdue():
            try:
                message = _message_of(record)
                overdue.append(Work(record=record, message=message, from_timer=True, holds_offset=False))
            except MessageRejected as rejection:
                cycle.refused.append((record, str(rejection)))
                self._role.give_up(record)
        return overdue

    def _lag_s(self, message: SagaMessage | Reply) -> float:
        return self._random.uniform(*self._dials.lag_ms) / 1000 if self._role.takes_time(message) else 0.0

    def _work(self, due: Iterable[Work]) -> list[Done]:
        """Do what is due, which is written down in one transaction, and return what came of it."""
        works = self._one_of_each(due)
        if not works:
            return []
        done, again = self._role.work(works)
        self._faults.crash_if(Instant.AFTER_LEDGER)
        for work in again:
            self._desk.schedule(work, due=self._clock.monotonic())
        return [_refused_if_unreadable(one) for one in done]

    def _send(self, done: list[Done], cycle: _Cycle) -> None:
        """Write the outcomes, and wait until they are acknowledged: what is told of them says where they stand."""
        sending = [(one.saga, sending) for one in done for sending in one.sending]
        places = self._producer.send([message for _, (message, _) in sending])
        for (saga, (_, event)), place in zip(sending, places, strict=True):
            if saga and event:
                cycle.said.append((saga, reports.placed(event, place)))
        if sending:
            self._faults.crash_if(Instant.AFTER_PRODUCING)
        for one in done:
            if one.saga:
                cycle.said += [(one.saga, event) for event in one.events]
            if one.refusal is not None:
                cycle.refused.append((one.work.record, one.refusal))
            if one.work.holds_offset:
                cycle.finished.append(one.work.record)

    def _one_of_each(self, due: Iterable[Work]) -> list[Work]:
        """Return the work without repeats, which wait for the next cycle: then the first one is written down."""
        first: dict[tuple[str, str], Work] = {}
        for work in due:
            if first.setdefault(self._role.key(work), work) is not work:
                self._desk.schedule(work, due=self._clock.monotonic())
        return list(first.values())

    def _tell(self, cycle: _Cycle) -> None:
        """Write trace events and dead letters, and wait until they are acknowledged."""
        name, now = self._role.name, self._clock.now()
        traces = reports.by_saga(cycle.said)
        letters = [reports.dead_letter(record, service=name, reason=why, at=now) for record, why in cycle.refused]
        told = [wire.encode(trace, topic=TRACE, source=name, at=now) for trace in traces]
        told += [wire.encode(letter, topic=DEAD_LETTER, source=name, at=now) for letter in letters]
        self._producer.send(told)
        log_said(traces, letters)

    def _commit(self) -> None:
        if offsets := self._desk.committable():
            if any(partition.topic != FORGET for partition in offsets):
                self._faults.crash_if(Instant.BEFORE_COMMITTING)
            self._consumer.commit(offsets)

    def _handle_revoked(self, gone: frozenset[TopicPartition]) -> None:
        self._desk.drop(gone)
        self._read[:] = [one for one in self._read if one.topic_partition not in gone]


def _message_of(record: Record) -> SagaMessage | Reply:
    return intake.message_on(record.topic, key=record.key, value=record.value)


def _refused_if_unreadable(done: Done) -> Done:
    """Return what came of a piece of work, or a refusal if nobody would read it: its partition must go on."""
    longest = max((len(sending.message.value) for sending in done.sending), default=0)
    if longest <= wire.MAX_BYTES:
        return done
    return Done(work=done.work, refusal=f"what comes of it has {longest} bytes; {wire.MAX_BYTES} is the most")
