"""The road messages travel, as a port: what the project needs of a Kafka client, and nothing more.

`workshop.kafka_bus` implements it on a real client, `tests.support.brokers.memory_bus` in memory; the same contract
tests run against both, on every broker. Workers, relay and projector know only these classes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Place(NamedTuple):
    """Where a message stands in the log, once the broker acknowledged it."""

    topic: str
    partition: int
    offset: int

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message as it was read, untrusted: key and value may be missing or be anything.

    `written_at` is its time in the log, in ms since 1970, 0 if it has none: a broker that forgot gives a place anew,
    but not at the same time.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    written_at: int = 0

    @property
    def place(self) -> Place:
        return Place(self.topic, self.partition, self.offset)

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way to a topic; the key decides the partition."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Producer(Protocol):
    """Writes messages. Safe to share between threads."""

    def send(self, messages: Sequence[Outgoing]) -> list[Place]:
        """Return where each message stands, in the order given, when all are acknowledged by all in-sync replicas.

        Raises BrokerUnavailable; some of the messages may then have been written all the same. Raises ValueError, and
        sends nothing, if a message is too large for a broker.
        """

    def close(self) -> None: ...


class Consumer(Protocol):
    """Reads messages. Belongs to one thread, the one that polls."""

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        """Return up to `limit` new records, as soon as there are any, or none after `timeout_s` seconds.

        With `limit=0` nothing is read, and membership of the group is kept: this is how back-pressure is applied.
        Raises BrokerUnavailable.
        """

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Record, for the group, the offset of the next message to read in each partition.

        A commit refused because the group is rebalancing is no error: what it covered is delivered again, or it is made
        afterwards where the partition stays.
        Raises BrokerUnavailable.
        """

    def assigned(self) -> frozenset[TopicPartition]: ...

    def close(self) -> None:
        """Leave the group, so that its partitions go to others at once."""


def gather(
    consumer: Consumer,
    timeout_s: float,
    *,
    limit: int,
    within_s: float,
    clock: Callable[[], float],
    held: list[Record] | None = None,
) -> list[Record]:
    """Return what the first poll gives and what further ones add `within_s` seconds; nothing after `timeout_s`.

    A cycle of work has a fixed price, so a few large batches do in the same time what many small ones cannot. And a
    broker may hand out little at a time, however much waits: the embedded one a single batch of each partition. What
    comes after a longer pause is alone, most likely, and not made to wait for company.
    `clock` gives monotonic seconds. `held` is where the records are while more are polled: who loses a partition in
    the meantime takes its records out, for they come again.
    """
    records = [] if held is None else held
    asked_at = clock()
    records += consumer.poll(timeout_s, limit=limit)
    came_at = clock()
    until = came_at + within_s if came_at - asked_at < within_s else came_at
    while records and len(records) < limit and (left := until - clock()) > 0:
        more = consumer.poll(left, limit=limit - len(records))
        if not more:
            break
        records += more
    return records


class Bus(Protocol):
    """One Kafka cluster, as seen by one process."""

    def producer(self) -> Producer: ...

    def consumer(
        self, group: str, topics: Iterable[str], *, on_revoked: Callable[[frozenset[TopicPartition]], None]
    ) -> Consumer:
        """Join `group` and share `topics` with its other members; start at the oldest uncommitted message.

        `on_revoked` is called, inside `poll`, with partitions that have gone: what was read from them and not committed
        is delivered again, to whoever has them now. What was read from all others is not, and stays in hand.
        """

    def reader(self, topic: str, *, from_end: bool = False) -> Consumer:
        """Read a topic alone, without a group: nothing is committed.

        All of it from its beginning, or, `from_end`, only what is sent from now on.
        """

    def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return, for each partition, the offset that the next message will get. Raises BrokerUnavailable."""

    def committed_offsets(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return what `group` has committed, 0 where it has not. Raises BrokerUnavailable."""

    def address(self) -> str:
        """Return where the cluster is. One that forgets when it is started again has another address then."""

    def is_stale(self) -> bool:
        """Has the cluster moved away, so that everything opened from here must be closed and opened anew?"""

    def close(self) -> None: ...
