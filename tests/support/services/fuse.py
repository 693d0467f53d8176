"""A fuse that blows at a chosen instant of a worker's cycle, and what it is built into."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from consumers.ledger import Change, Key, Ledger
from consumers.log_store import SagaLogStore
from saga.bus import Outgoing, Place, Record, TopicPartition
from saga.participation import Entry
from saga.saga_log import LogEntry
from saga.topics import DEAD_LETTER, TRACE
from tests.support.brokers.memory_bus import MemoryBus, MemoryMember, MemoryProducer, Revoked

INSTANTS = [f"{when} {what}" for what in ("ledger", "outcome", "trace", "commit") for when in ("before", "after")]


class Crash(BaseException):
    """Stands for SIGKILL: no worker's code may catch it."""


class Fuse:
    """Writes down each instant of a cycle, or blows at it."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.blow_at: str | None = None

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self.come_to(f"before {what}")
        yield
        self.come_to(f"after {what}")

    def come_to(self, instant: str) -> None:
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

    def record(self, changes: Sequence[Change]) -> Mapping[Key, Entry]:
        with self._fuse.around("ledger"):
            return super().record(changes)

    def claim(self, now: str, *, until: str, latest: str, limit: int) -> list[Record]:
        claimed = super().claim(now, until=until, latest=latest, limit=limit)
        if claimed:
            self._fuse.come_to("after claiming")
        return claimed

    def settle(self, entries: Sequence[Entry]) -> None:
        with self._fuse.around("settling"):
            super().settle(entries)


class FusedLog(SagaLogStore):
    """Counts as the coordinator's ledger: it is what the coordinator writes down."""

    def __init__(self, alias: str, fuse: Fuse) -> None:
        super().__init__(alias)
        self._fuse = fuse

    def append(self, entries: Mapping[str, tuple[int, Sequence[LogEntry]]], *, at: str) -> None:
        with self._fuse.around("ledger"):
            super().append(entries, at=at)
