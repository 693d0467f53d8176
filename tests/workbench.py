"""Workers on a bench: a broker in memory, a clock held in the hand, and a fuse that blows at a chosen instant."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from consumers.dials import Dials
from consumers.ledger import Entry, Ledger
from consumers.participants import PARTICIPANTS
from consumers.worker import Worker
from saga import wire
from saga.bus import Outgoing, Place, TopicPartition
from saga.definitions import ONBOARDING
from saga.messages import DeadLetter, SagaMessage, Trace, TraceEvent
from saga.state import SagaState, fold, initial
from saga.topics import DEAD_LETTER, TOPICS_BY_SERVICE, TRACE, partitions_by_topic
from tests.factories import HeldClock, outgoing
from tests.memory_bus import MemoryBus, MemoryMember, MemoryProducer, Revoked

INSTANTS = [f"{when} {what}" for what in ("ledger", "outcome", "trace", "commit") for when in ("before", "after")]
M = TypeVar("M", bound=wire.Payload)


class Crash(BaseException):
    """Stands for SIGKILL: no worker's code may catch it."""


class Fuse:
    """Writes down each instant of a cycle, or blows at it."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.blow_at: str | None = None

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self._pass(f"before {what}")
        yield
        self._pass(f"after {what}")

    def _pass(self, instant: str) -> None:
        if instant == self.blow_at:
            self.blow_at = None
            raise Crash(instant)
        self.passed.append(instant)


class FusedProducer(MemoryProducer):
    def __init__(self, bus: "FusedBus", life: int) -> None:
        super().__init__(bus, life)
        self._fuse = bus.fuse

    def send(self, messages: Sequence[Outgoing]) -> list[Place]:
        if not messages:
            return []
        with self._fuse.around("trace" if messages[0].topic in (TRACE, DEAD_LETTER) else "outcome"):
            return super().send(messages)


class FusedMember(MemoryMember):
    def __init__(self, bus: "FusedBus", life: int, *, group: str, topics: Iterable[str], on_revoked: Revoked) -> None:
        super().__init__(bus, life, group=group, topics=topics, on_revoked=on_revoked)
        self._fuse = bus.fuse

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with self._fuse.around("commit"):
            super().commit(offsets)


class FusedBus(MemoryBus):
    def __init__(self, topics: Mapping[str, int], fuse: Fuse) -> None:
        super().__init__(topics)
        self.fuse = fuse

    def producer(self) -> FusedProducer:
        return FusedProducer(self, self._open())

    def consumer(self, group: str, topics: Iterable[str], *, on_revoked: Revoked) -> FusedMember:
        return FusedMember(self, self._open(), group=group, topics=topics, on_revoked=on_revoked)


class FusedLedger(Ledger):
    def __init__(self, alias: str, fuse: Fuse) -> None:
        super().__init__(alias)
        self._fuse = fuse

    def record(self, entries: Sequence[Entry]) -> Mapping[tuple[str, str], Entry]:
        with self._fuse.around("ledger"):
            return super().record(entries)


class Workbench:
    def __init__(self, partitions: int = 1) -> None:
        self.fuse = Fuse()
        self.bus = FusedBus(partitions_by_topic(partitions), self.fuse)
        self.clock = HeldClock()
        self.dials = Dials(lag_ms=(0, 0))
        self.performed: list[SagaMessage] = []

    def worker(
        self,
        service: str = "provisioner",
        *,
        perform: Callable[[SagaMessage], dict[str, Any]] | None = None,
        work_limit: int = 1000,
        threads: int = 1,
    ) -> Worker:
        """Open a worker whose participant does what it does, or `perform`, and is watched."""
        do = perform or PARTICIPANTS[service].perform

        def watched(message: SagaMessage) -> dict[str, Any]:
            self.performed.append(message)
            return do(message)

        return Worker(
            replace(PARTICIPANTS[service], perform=watched),
            self.bus,
            ledger=FusedLedger(service, self.fuse),
            dials=self.dials,
            clock=self.clock,
            random=Random(0),
            work_limit=work_limit,
            threads=threads,
        )

    def send(self, *messages: SagaMessage | Outgoing) -> None:
        for message in messages:
            self.bus.append(message if isinstance(message, Outgoing) else outgoing(message))

    def run(self, *workers: Worker) -> None:
        """Let all of them work until none finds anything to do."""
        while [worker for worker in workers if worker.run_once()]:
            pass

    def crash(self, worker: Worker, instant: str) -> None:
        """Let it work until it dies at that instant; then its group notices."""
        self.fuse.blow_at = instant
        try:
            self.run(worker)
        except Crash:
            worker.close()
        else:
            raise AssertionError(f"it never came to {instant!r}")

    def read(self, kind: type[M], topic: str) -> list[M]:
        return [wire.decode(kind, record.value) for record in self.bus.messages(topic)]

    def requests(self, topic: str) -> list[SagaMessage]:
        return self.read(SagaMessage, topic)

    def letters(self) -> list[DeadLetter]:
        return self.read(DeadLetter, DEAD_LETTER)

    def events(self, saga_id: str = "saga-1") -> list[TraceEvent]:
        return [event for trace in self.read(Trace, TRACE) if trace.saga_id == saga_id for event in trace.events]

    def kinds(self, saga_id: str = "saga-1") -> list[str]:
        return [event.kind.value for event in self.events(saga_id)]

    def state(self, saga_id: str = "saga-1") -> SagaState:
        return self.states()[saga_id]

    def states(self) -> dict[str, SagaState]:
        """Return where each saga is, by what was said about it."""
        known: defaultdict[str, SagaState] = defaultdict(lambda: initial(ONBOARDING))
        for trace in self.read(Trace, TRACE):
            known[trace.saga_id] = fold(known[trace.saga_id], trace.events)
        return known

    def committed(self, service: str = "provisioner") -> int:
        return sum(self.bus.committed_offsets(service, TOPICS_BY_SERVICE[service]).values())

    def backlog(self, service: str = "provisioner") -> int:
        return sum(self.bus.end_offsets(TOPICS_BY_SERVICE[service]).values()) - self.committed(service)
