"""The consumer runtime: one cycle takes messages on, does what is due, and says so, in the order that survives a crash.

    poll -> take on -> (lag) -> perform -> ledger -> outcomes acknowledged -> trace acknowledged -> commit offsets

A crash between any two of these means that messages are delivered again. What the ledger has is then not done again,
only said again, under the same ids (the idempotent receiver and transactional outbox patterns in one table).
"""

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from consumers.clock import Clock
from consumers.desk import Desk, Work
from consumers.dials import Dials
from consumers.ledger import Entry, Ledger
from consumers.participants import Participant
from saga import reports, routing, wire
from saga.bus import Bus, Outgoing, Place, Record, TopicPartition, gather
from saga.errors import MessageRejected
from saga.messages import Kind, SagaMessage, TraceEvent
from saga.retry import RetryPolicy
from saga.topics import DEAD_LETTER, TOPICS_BY_SERVICE, TRACE

POLL_TIMEOUT_S = 1.0
BATCH_LIMIT = 500
GATHER_S = 0.02
RETRY = RetryPolicy()

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Cycle:
    """What one cycle has to tell the world before it may commit."""

    said: list[tuple[SagaMessage, TraceEvent]] = field(default_factory=list)
    refused: list[tuple[Record, str]] = field(default_factory=list)
    finished: list[Record] = field(default_factory=list)

    def refuse(self, record: Record, rejection: MessageRejected) -> None:
        self.refused.append((record, str(rejection)))
        self.finished.append(record)


class Worker:
    """One member of a service's consumer group. Not thread-safe: one thread calls everything."""

    def __init__(
        self,
        participant: Participant,
        bus: Bus,
        *,
        ledger: Ledger,
        dials: Dials,
        clock: Clock,
        random: Random,
        work_limit: int,
        threads: int = 1,
        retry: RetryPolicy = RETRY,
    ) -> None:
        self.handled = 0
        self.in_flight = 0
        self.assigned: frozenset[TopicPartition] = frozenset()
        self._participant = participant
        self._ledger = ledger
        self._dials = dials
        self._clock = clock
        self._random = random
        self._work_limit = work_limit
        self._retry = retry
        self._desk = Desk()
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        topics = TOPICS_BY_SERVICE[participant.name]
        with ExitStack() as opening:  # if the second client cannot be opened, the first is closed
            self._producer = opening.enter_context(closing(bus.producer()))
            self._consumer = opening.enter_context(
                closing(bus.consumer(participant.name, topics, on_revoked=self._handle_revoked))
            )
            self._clients = opening.pop_all()

    def run_once(self) -> bool:
        """Do one cycle; return whether there was anything to do. Raises what the broker or the ledger raises."""
        cycle = _Cycle()
        self._take_on(self._poll(), cycle)
        self._do(self._desk.take_due(self._clock.monotonic()), cycle)
        self._tell(cycle)
        self._desk.finish(cycle.finished)
        self._commit()
        self.handled += len(cycle.finished)
        self.in_flight = len(self._desk)
        self.assigned = self._consumer.assigned()
        return bool(cycle.said or cycle.finished)

    def close(self) -> None:
        """Leave the group. Work in hand is given up: its offsets are not committed, so it comes again."""
        if self._pool:
            self._pool.shutdown()
        self._clients.close()

    def _poll(self) -> list[Record]:
        due = self._desk.next_due()
        wait = POLL_TIMEOUT_S if due is None else max(0.0, min(POLL_TIMEOUT_S, due - self._clock.monotonic()))
        room = max(0, self._work_limit - len(self._desk))
        limit, clock = min(room, BATCH_LIMIT), self._clock.monotonic
        return gather(self._consumer, wait, limit=limit, within_s=GATHER_S, clock=clock)

    def _take_on(self, records: Iterable[Record], cycle: _Cycle) -> None:
        """Put records on the desk, each due after a lag of its own."""
        for record in records:
            self._desk.take_on(record)
            try:
                message = wire.decode(SagaMessage, record.value)
                routing.check_addressed(message, topic=record.topic, key=record.key)
            except MessageRejected as rejection:
                cycle.refuse(record, rejection)
                continue
            work = Work(record=record, message=message)
            self._desk.schedule(work, due=self._clock.monotonic() + self._lag_s(message))
            cycle.said.append((message, self._event(Kind.RECEIVED, work)))

    def _lag_s(self, message: SagaMessage) -> float:
        """Return how long the work shall seem to take. Closing a saga is bookkeeping and takes no time."""
        return self._random.uniform(*self._dials.lag_ms) / 1000 if message.step else 0.0

    def _do(self, due: Iterable[Work], cycle: _Cycle) -> None:
        """Do what is not done yet, write it down in one transaction, then tell the next services and wait for acks."""
        works = self._one_of_each(due)
        if not works:
            return
        known = self._ledger.find([work.message.saga_id for work in works])
        entries = self._perform([work for work in works if work.key not in known], cycle)
        if entries:
            known |= self._ledger.record(entries)
        done = [(work, known[work.key]) for work in works if work.key in known]
        outgoing = [self._onward(work, entry) for work, entry in done if work.message.step]
        places = iter(self._producer.send(outgoing))
        onward = iter(outgoing)
        for work, entry in done:
            if work.message.step:
                event = self._succeeded(work, entry, next(onward), next(places))
            else:
                event = self._completed(work, entry)
            cycle.said.append((work.message, event))
            cycle.finished.append(work.record)

    def _one_of_each(self, due: Iterable[Work]) -> list[Work]:
        """Return the work without repeats, which wait for the next cycle: then the ledger knows the first one."""
        first: dict[tuple[str, str], Work] = {}
        for work in due:
            if first.setdefault(work.key, work) is not work:
                self._desk.schedule(work, due=self._clock.monotonic())
        return list(first.values())

    def _perform(self, works: list[Work], cycle: _Cycle) -> list[Entry]:
        """Return an entry for each work that succeeded; schedule what failed again, refuse what can never succeed."""
        entries = []
        at_once = self._pool.map if self._pool else map
        for work, result in zip(works, at_once(self._attempt, works), strict=True):
            if isinstance(result, MessageRejected):
                cycle.refuse(work.record, result)
            elif isinstance(result, Exception):
                cycle.said.append((work.message, self._try_again(work, result)))
            else:
                entries.append(Entry(*work.key, result=result, recorded_at=self._clock.now()))
        return entries

    def _attempt(self, work: Work) -> dict[str, Any] | Exception:
        # Whatever a participant's own code raises is that message's failure, never the worker's.
        try:
            return self._participant.perform(work.message) if work.message.step else {}
        except Exception as error:
            return error

    def _try_again(self, work: Work, error: Exception) -> TraceEvent:
        delay_s = self._retry.delay_after(work.attempt)
        log.warning("saga %s, %s: attempt %d failed: %r", *work.key, work.attempt, error)
        detail = {"error": repr(error)[:500], "next_attempt_in_s": delay_s}
        event = self._event(Kind.RETRYING, work, detail=detail)
        work.attempt += 1
        self._desk.schedule(work, due=self._clock.monotonic() + delay_s)
        return event

    def _onward(self, work: Work, entry: Entry) -> Outgoing:
        topic, message = routing.after_success(work.message, entry.result)
        return wire.encode(message, topic=topic, source=self._participant.name, at=entry.recorded_at)

    def _succeeded(self, work: Work, entry: Entry, outgoing: Outgoing, place: Place) -> TraceEvent:
        return reports.on_outgoing(
            Kind.SUCCEEDED,
            outgoing,
            place,
            work.message,
            service=self._participant.name,
            attempt=work.attempt,
            at=entry.recorded_at,
            detail={"result": entry.result},
        )

    def _completed(self, work: Work, entry: Entry) -> TraceEvent:
        return replace(self._event(Kind.COMPLETED, work), at=entry.recorded_at)

    def _event(self, kind: Kind, work: Work, **said: Any) -> TraceEvent:
        said |= {"service": self._participant.name, "attempt": work.attempt, "at": self._clock.now()}
        return reports.on_record(kind, work.record, work.message, **said)

    def _tell(self, cycle: _Cycle) -> None:
        """Write trace events and dead letters, and wait until they are acknowledged."""
        name, now = self._participant.name, self._clock.now()
        traces = [wire.encode(t, topic=TRACE, source=name, at=now) for t in reports.by_saga(cycle.said)]
        letters = [reports.dead_letter(record, service=name, reason=why, at=now) for record, why in cycle.refused]
        self._producer.send([*traces, *(wire.encode(x, topic=DEAD_LETTER, source=name, at=now) for x in letters)])

    def _commit(self) -> None:
        if offsets := self._desk.committable():
            self._consumer.commit(offsets)

    def _handle_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        self._commit()
        self._desk.forget(partitions)
