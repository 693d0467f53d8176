"""What `saga.bus` promises, on every broker: in memory, embedded, and Apache Kafka."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from saga.bus import Consumer, Outgoing, Place, Record, TopicPartition
from tests.brokers import Broker
from tests.eventually import eventually

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
DEADLINE_S = 30.0
Revoked = Callable[[frozenset[TopicPartition]], None]


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic(3)


def messages(topic: str, count: int) -> list[Outgoing]:
    return [Outgoing(topic=topic, key=b"key %d" % n, value=b"value %d" % n) for n in range(count)]


def send(broker: Broker, outgoing: list[Outgoing]) -> list[Place]:
    with closing(broker.bus.producer()) as producer:
        return producer.send(outgoing)


def member(broker: Broker, topic: str, group: str = "group", on_revoked: Revoked = lambda _: None) -> Consumer:
    return broker.bus.consumer(broker.group(group), [topic], on_revoked=on_revoked)


def read(consumer: Consumer, count: int) -> list[Record]:
    """Poll until `count` records are there; more than that is the caller's to find out."""
    records: list[Record] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(records) < count and time.monotonic() < deadline:
        records += consumer.poll(1.0, limit=1000)
    return records


def join(consumer: Consumer) -> None:
    """Poll until the group has given partitions, without reading from them."""
    eventually(lambda: consumer.poll(0.1, limit=0) or consumer.assigned())


def all_of(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(3)]


def next_offsets(records: list[Record]) -> dict[TopicPartition, int]:
    return {TopicPartition(r.topic, r.partition): r.offset + 1 for r in sorted(records, key=lambda r: r.offset)}


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


def test_what_is_sent_is_what_is_read(broker: Broker, topic: str) -> None:
    headers = (("traceparent", b"00-1-2-03"), ("empty", b""))
    [place] = send(broker, [Outgoing(topic=topic, key=b"key", value=b"\x00\xff", headers=headers)])
    with closing(member(broker, topic)) as consumer:
        [record] = read(consumer, 1)
    assert (record.key, record.value, record.headers, record.place) == (b"key", b"\x00\xff", headers, place)


class NoText(str):
    """What another program calls a header, and what is not UTF-8."""

    def encode(self, *_: Any) -> bytes:
        return b"caf\xe9"


def test_a_header_whose_name_is_no_text_holds_up_nothing(broker: Broker, topic: str) -> None:
    odd = Outgoing(topic=topic, key=b"key", value=b"odd", headers=((NoText("caf\\xe9"), b"\xff"), ("other", b"")))
    plain = Outgoing(topic=topic, key=b"key", value=b"plain", headers=(("other", b"text"),))
    send(broker, [plain, odd, plain])
    with closing(member(broker, topic)) as consumer:
        records = read(consumer, 3)
    assert [record.value for record in records] == [b"plain", b"odd", b"plain"]
    assert [record.headers for record in records] == [plain.headers, odd.headers, plain.headers]


def test_send_returns_places_in_the_order_of_the_messages(broker: Broker, topic: str) -> None:
    outgoing = messages(topic, 50)
    places = send(broker, outgoing)
    with closing(broker.bus.reader(topic)) as reader:
        values = {record.place: record.value for record in read(reader, 50)}
    assert [values[place] for place in places] == [message.value for message in outgoing]


def test_nothing_sent_is_nothing_to_wait_for(broker: Broker) -> None:
    assert send(broker, []) == []


def test_messages_of_one_key_keep_their_order(broker: Broker, topic: str) -> None:
    with closing(broker.bus.producer()) as producer:
        for batch in range(5):
            producer.send([Outgoing(topic=topic, key=b"key", value=b"%d" % (batch * 10 + n)) for n in range(10)])
    with closing(member(broker, topic)) as consumer:
        assert [int(record.value or b"") for record in read(consumer, 50)] == list(range(50))


def test_uncommitted_messages_are_delivered_again(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(member(broker, topic)) as consumer:
        first = read(consumer, 10)
    with closing(member(broker, topic)) as consumer:
        again = read(consumer, 10)
    assert {record.place for record in again} == {record.place for record in first}


def test_a_message_has_one_time_however_often_it_is_delivered(broker: Broker, topic: str) -> None:
    send(broker, [Outgoing(topic=topic, key=b"key", value=b"value")])
    times = []
    for _ in range(2):
        with closing(member(broker, topic)) as consumer:
            times += [record.written_at for record in read(consumer, 1)]
    assert 0 < times[0] == times[1]


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


def test_a_limit_bounds_a_poll(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 20))
    with closing(member(broker, topic)) as consumer:
        sizes: list[int] = []
        eventually(lambda: sizes.append(len(consumer.poll(1.0, limit=3))) or sum(sizes) >= 20)
    assert max(sizes) == 3
    assert sum(sizes) == 20


def test_a_limit_of_nothing_reads_nothing_and_keeps_the_place(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 5))
    with closing(member(broker, topic)) as consumer:
        first = read(consumer, 5)
        send(broker, messages(topic, 5))
        assert [consumer.poll(0.1, limit=0) for _ in range(5)] == [[]] * 5
        assert len(consumer.assigned()) == 3
        second = read(consumer, 5)
    assert len({record.place for record in first + second}) == 10


def test_a_member_may_join_with_a_limit_of_nothing(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 5))
    with closing(member(broker, topic)) as consumer:
        join(consumer)
        assert len(read(consumer, 5)) == 5


def test_a_reader_sees_everything_from_the_beginning(broker: Broker, topic: str) -> None:
    places = send(broker, messages(topic, 10))
    for _ in range(2):
        with closing(broker.bus.reader(topic)) as reader:
            assert {record.place for record in read(reader, 10)} == set(places)


def test_a_reader_from_the_end_sees_only_what_is_sent_after_it_was_opened(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(broker.bus.reader(topic, from_end=True)) as reader:
        places = send(broker, messages(topic, 5))
        assert {record.place for record in read(reader, 5)} == set(places)


def test_a_reader_does_not_disturb_a_group(broker: Broker, topic: str) -> None:
    send(broker, messages(topic, 10))
    with closing(member(broker, topic)) as consumer, closing(broker.bus.reader(topic)) as reader:
        read(consumer, 10)
        reader.commit(next_offsets(read(reader, 10)))
        assert consumer.poll(0.1, limit=10) == []
        assert len(consumer.assigned()) == 3
        assert set(broker.bus.committed_offsets(broker.group("group"), [topic]).values()) == {0}


def test_end_offsets_count_what_was_sent(broker: Broker, topic: str) -> None:
    assert broker.bus.end_offsets([topic]) == {TopicPartition(topic, number): 0 for number in range(3)}
    places = send(broker, messages(topic, 10))
    counts = Counter(place.partition for place in places)
    assert broker.bus.end_offsets([topic]) == {TopicPartition(topic, number): counts[number] for number in range(3)}


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


def test_an_oversized_message_is_refused_and_nothing_is_sent(broker: Broker, topic: str) -> None:
    large = Outgoing(topic=topic, key=b"key", value=bytes(2**20))
    with pytest.raises(ValueError, match="bytes"):
        send(broker, [*messages(topic, 1), large])
    assert set(broker.bus.end_offsets([topic]).values()) == {0}
