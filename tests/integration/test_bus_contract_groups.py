"""What `saga.bus` promises of groups, on every broker: who reads what, and what a commit means."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from saga.bus import Outgoing, Record, TopicPartition
from tests.eventually import eventually
from tests.support.brokers.kinds import Broker
from tests.support.brokers.traffic import Revoked, join, member, messages, next_offsets, read, send

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def all_of(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(3)]


class Worker:
    """A member of a group at work in a thread: reads, and commits what it read."""

    def __init__(self, broker: Broker, topic: str, *, on_revoked: Revoked | None = None) -> None:
        self.records: list[Record] = []
        self.revoked: list[frozenset[TopicPartition]] = []
        self.consumer = member(broker, topic, on_revoked=on_revoked or self.revoked.append)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        with closing(self.consumer):
            while not self._stop.is_set():
                self.handle(self.consumer.poll(0.2, limit=1000))

    def handle(self, records: list[Record]) -> None:
        self.records += records
        self.consumer.commit(next_offsets(records))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def workers(broker: Broker, topic: str) -> Iterator[Callable[..., Any]]:
    """Give what starts a worker; stop all of them at the end."""
    started: list[Worker] = []

    def start(kind: type[Worker] = Worker) -> Worker:
        started.append(kind(broker, topic))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            worker.stop()


def test_committed_messages_are_not_delivered_again(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(member(broker, topic)) as consumer:
        consumer.commit(next_offsets(read(consumer, 10)))
    [later] = send(broker, [Outgoing(topic=topic, key=b"key", value=b"later")])
    with closing(member(broker, topic)) as consumer:
        assert [record.place for record in read(consumer, 1)] == [later]


def test_a_commit_counts_for_its_own_group(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(member(broker, topic, group="one")) as consumer:
        consumer.commit(next_offsets(read(consumer, 10)))
    with closing(member(broker, topic, group="other")) as consumer:
        assert len(read(consumer, 10)) == 10


def test_members_of_a_group_share_its_partitions(broker: Broker, topic: str) -> None:
    with workers(broker, topic) as start:
        one, other = start(), start()
        eventually(lambda: one.consumer.assigned() and other.consumer.assigned())
        eventually(lambda: sorted([*one.consumer.assigned(), *other.consumer.assigned()]) == all_of(topic))


def test_each_message_reaches_one_member(broker: Broker, topic: str) -> None:
    with workers(broker, topic) as start:
        one, other = start(), start()
        eventually(lambda: one.consumer.assigned() and other.consumer.assigned())
        sent = Counter(send(broker, messages(topic, 50)))
        eventually(lambda: len(one.records) + len(other.records) >= 50)
    assert Counter(record.place for record in one.records + other.records) == sent
    assert one.records
    assert other.records


def test_a_member_hears_of_partitions_that_it_loses(broker: Broker, topic: str) -> None:
    with workers(broker, topic) as start:
        one = start()
        eventually(lambda: len(one.consumer.assigned()) == 3)
        other = start()
        eventually(lambda: other.consumer.assigned())
        eventually(lambda: one.revoked)
        assert other.consumer.assigned() <= one.revoked[0]


class Hoarder(Worker):
    """Commits nothing, and keeps what it read until it hears that the partition has gone."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.kept: list[Record] = []
        super().__init__(broker, topic, on_revoked=self._give_up)

    def handle(self, records: list[Record]) -> None:
        self.kept += records

    def _give_up(self, partitions: frozenset[TopicPartition]) -> None:
        self.kept = [one for one in self.kept if TopicPartition(one.topic, one.partition) not in partitions]


def test_in_a_rebalance_each_message_in_hand_stays_there_or_comes_again(broker: Broker, topic: str) -> None:
    sent = Counter(send(broker, messages(topic, 50)))
    with workers(broker, topic) as start:
        one = start(Hoarder)
        eventually(lambda: len(one.kept) == 50)
        other = start(Hoarder)
        eventually(lambda: other.consumer.assigned() and one.consumer.assigned())
        eventually(lambda: Counter(record.place for record in one.kept + other.kept) == sent)
        other.stop()
        eventually(lambda: len(one.consumer.assigned()) == 3)
        eventually(lambda: Counter(record.place for record in one.kept) == sent)


def test_a_member_that_closes_hands_its_partitions_over(broker: Broker, topic: str) -> None:
    with workers(broker, topic) as start:
        one, other = start(), start()
        eventually(lambda: one.consumer.assigned() and other.consumer.assigned())
        one.stop()
        eventually(lambda: len(other.consumer.assigned()) == 3)


def test_a_reader_does_not_disturb_a_group(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(member(broker, topic)) as consumer, closing(broker.bus.reader(topic)) as reader:
        read(consumer, 10)
        reader.commit(next_offsets(read(reader, 10)))
        assert consumer.poll(0.1, limit=10) == []
        assert len(consumer.assigned()) == 3
        assert set(broker.bus.committed_offsets(broker.group("group"), [topic]).values()) == {0}


def test_committed_offsets_are_known_without_joining_the_group(broker: Broker, topic: str) -> None:
    assert set(broker.bus.committed_offsets(broker.group("group"), [topic]).values()) == {0}
    send(broker, messages(topic, 10))
    with closing(member(broker, topic)) as consumer:
        consumer.commit(next_offsets(read(consumer, 10)))
    assert broker.bus.committed_offsets(broker.group("group"), [topic]) == broker.bus.end_offsets([topic])


def test_a_commit_for_a_lost_partition_changes_nothing(broker: Broker, topic: str) -> None:
    with closing(member(broker, topic)) as consumer, workers(broker, topic) as start:
        join(consumer)
        all_three = consumer.assigned()
        start()
        eventually(lambda: consumer.poll(0.1, limit=1) or len(consumer.assigned()) < 3)
        [lost, *_] = all_three - consumer.assigned()
        consumer.commit({lost: 7})
        assert broker.bus.committed_offsets(broker.group("group"), [topic])[lost] == 0
