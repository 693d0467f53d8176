"""A broker in memory, for tests of everything that uses `saga.bus`.

It keeps the promises that the contract tests check on real brokers: order within a partition, one member for each
partition, redelivery of what was not committed. And it can have a bad day: `is_down`, and `restart()`, after which
everything is forgotten, as when the embedded broker is started again.
"""

import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count

from saga.bus import Outgoing, Place, Record, TopicPartition
from saga.errors import BrokerUnavailable
from tests.support.brokers.memory_group import Group

MAX_MESSAGE_BYTES = 1_000_000
Revoked = Callable[[frozenset[TopicPartition]], None]


class MemoryBus:
    """Unless it `waits`, a poll that finds nothing returns at once: for those whose clock is held."""

    def __init__(self, topics: Mapping[str, int], *, waits: bool = True) -> None:
        self.is_down = False
        self.waits = waits
        self.topics = dict(topics)
        self.changed = threading.Condition(threading.RLock())
        self.lives = 1
        self._clock = count(1)
        self._newest_client = 1
        self._start()

    def create(self, topics: Mapping[str, int]) -> None:
        self.topics.update(topics)
        self.logs.update({tp: [] for tp in self.partitions(topics)})

    def messages(self, topic: str) -> list[Record]:
        """Return what was ever sent to `topic`, in the order in which it was sent."""
        return [record for record in self._sent if record.topic == topic]

    def restart(self) -> None:
        """Forget everything. Clients that were open fail until they are opened anew."""
        with self.changed:
            self.lives += 1
            self._start()
            self.changed.notify_all()

    def producer(self) -> "MemoryProducer":
        return MemoryProducer(self, self._open())

    def consumer(self, group: str, topics: Iterable[str], *, on_revoked: Revoked) -> "MemoryMember":
        return MemoryMember(self, self._open(), group=group, topics=topics, on_revoked=on_revoked)

    def reader(self, topic: str, *, from_end: bool = False) -> "MemoryReader":
        starts = self.end_offsets([topic]) if from_end else dict.fromkeys(self.partitions([topic]), 0)
        return MemoryReader(self, self._open(), starts)

    def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        self.require(self.lives)
        return {tp: len(self.logs[tp]) for tp in self.partitions(topics)}

    def committed_offsets(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        self.require(self.lives)
        committed = self.group(group).committed
        return {tp: committed.get(tp, 0) for tp in self.partitions(topics)}

    def address(self) -> str:
        return f"life {self.lives}"

    def is_stale(self) -> bool:
        return self._newest_client < self.lives

    def close(self) -> None:
        """Nothing is open: clients are closed by those who opened them."""

    def partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in topics for number in range(self.topics[topic])]

    def group(self, name: str) -> Group:
        return self._groups.setdefault(name, Group())

    def evict(self, group: str) -> None:
        """Throw all members out of a group, as they are who were silent for too long; they join again as they poll."""
        with self.changed:
            for member in list(self.group(group).members):
                member.generation = 0
                self.group(group).leave(member)

    def append(self, message: Outgoing) -> Place:
        tp = TopicPartition(message.topic, zlib.crc32(message.key) % self.topics[message.topic])
        record = Record(
            topic=tp.topic,
            partition=tp.partition,
            offset=len(self.logs[tp]),
            key=message.key,
            value=message.value,
            headers=message.headers,
            written_at=next(self._clock),
        )
        self.logs[tp].append(record)
        self._sent.append(record)
        return record.place

    def require(self, life: int) -> None:
        if self.is_down:
            raise BrokerUnavailable("the broker in memory is down")
        if life != self.lives:
            raise BrokerUnavailable("the broker in memory has been restarted")

    def _start(self) -> None:
        self.logs: dict[TopicPartition, list[Record]] = {tp: [] for tp in self.partitions(self.topics)}
        self._sent: list[Record] = []
        self._groups: dict[str, Group] = {}

    def _open(self) -> int:
        self.require(self.lives)
        self._newest_client = self.lives
        return self.lives


class MemoryProducer:
    def __init__(self, bus: MemoryBus, life: int) -> None:
        self._bus = bus
        self._life = life

    def send(self, messages: Sequence[Outgoing]) -> list[Place]:
        if any(len(message.value) > MAX_MESSAGE_BYTES for message in messages):
            raise ValueError(f"a message exceeds {MAX_MESSAGE_BYTES} bytes")
        with self._bus.changed:
            self._bus.require(self._life)
            places = [self._bus.append(message) for message in messages]
            self._bus.changed.notify_all()
        return places

    def close(self) -> None:
        """Nothing is buffered."""


class MemoryReader:
    def __init__(self, bus: MemoryBus, life: int, starts: Mapping[TopicPartition, int]) -> None:
        self._bus = bus
        self._life = life
        self._positions = dict(starts)

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        with self._bus.changed:
            until_s = timeout_s if self._bus.waits else 0
            self._bus.changed.wait_for(lambda: self._has_news() or (limit and self._has_records()), until_s)
            self._bus.require(self._life)
            return self._take(limit)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing is committed: there is no group to remember it for."""

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def close(self) -> None:
        """Nobody waits for this reader's partitions."""

    def _has_news(self) -> bool:
        return self._bus.is_down or self._life != self._bus.lives

    def _has_records(self) -> bool:
        return any(at < len(self._bus.logs[tp]) for tp, at in self._positions.items())

    def _take(self, limit: int) -> list[Record]:
        taken: list[Record] = []
        for tp, at in sorted(self._positions.items()):
            records = self._bus.logs[tp][at : at + limit - len(taken)]
            self._positions[tp] = at + len(records)
            taken += records
        return taken


class MemoryMember(MemoryReader):
    """Joins its group in its first poll, like a real one, and learns of a rebalance in the next."""

    def __init__(self, bus: MemoryBus, life: int, *, group: str, topics: Iterable[str], on_revoked: Revoked) -> None:
        super().__init__(bus, life, {})
        self.topics = frozenset(topics)
        self._group = bus.group(group)
        self._on_revoked = on_revoked
        self.generation = 0
        self._revoked: frozenset[TopicPartition] = frozenset()

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        self._join()
        records = super().poll(timeout_s, limit=limit)
        revoked, self._revoked = self._revoked, frozenset()
        if revoked:
            self._on_revoked(revoked)
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with self._bus.changed:
            self._bus.require(self._life)
            if self.generation == self._group.generation:
                self._group.committed |= {tp: at for tp, at in offsets.items() if tp in self._positions}

    def close(self) -> None:
        with self._bus.changed:
            self._group.leave(self)
            self._bus.changed.notify_all()

    def _has_news(self) -> bool:
        return super()._has_news() or self.generation != self._group.generation

    def _join(self) -> None:
        with self._bus.changed:
            self._bus.require(self._life)
            if not self.generation:
                self._group.join(self)
                self._bus.changed.notify_all()
            self._follow()

    def _take(self, limit: int) -> list[Record]:
        self._follow()
        return super()._take(limit)

    def _follow(self) -> None:
        """If the group has changed, take what it deals out now, from where it committed."""
        if self.generation != self._group.generation:
            self.generation = self._group.generation
            self._revoked |= self.assigned()
            mine = self._group.share_of(self, self._bus.partitions(self.topics))
            self._positions = {tp: self._group.committed.get(tp, 0) for tp in mine}
