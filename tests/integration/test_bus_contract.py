"""What `saga.bus` promises of messages, on every broker: in memory, embedded, and Apache Kafka."""

from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from saga.bus import Outgoing, TopicPartition
from tests.eventually import eventually
from tests.support.brokers.kinds import Broker
from tests.support.brokers.traffic import join, member, messages, read, send

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


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


def test_end_offsets_count_what_was_sent(broker: Broker, topic: str) -> None:
    assert broker.bus.end_offsets([topic]) == {TopicPartition(topic, number): 0 for number in range(3)}
    places = send(broker, messages(topic, 10))
    counts = Counter(place.partition for place in places)
    assert broker.bus.end_offsets([topic]) == {TopicPartition(topic, number): counts[number] for number in range(3)}


def test_an_oversized_message_is_refused_and_nothing_is_sent(broker: Broker, topic: str) -> None:
    large = Outgoing(topic=topic, key=b"key", value=bytes(2**20))
    with pytest.raises(ValueError, match="bytes"):
        send(broker, [*messages(topic, 1), large])
    assert set(broker.bus.end_offsets([topic]).values()) == {0}
