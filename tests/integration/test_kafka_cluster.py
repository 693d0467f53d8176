"""What is done only on a real cluster: waiting for it, and giving it the topics."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions

from saga.bus import Outgoing, Record, TopicPartition
from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from workshop.kafka_bus import KafkaBus

TOPICS = {"control": 1, "heartbeat": 1, "new-user": 6}
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def bus(kafka_address: str) -> Iterator[KafkaBus]:
    with closing(KafkaBus(lambda: kafka_address, embedded=False, client_id="test")) as bus:
        assert bus.wait_until_up(threading.Event(), TOPICS)
        yield bus


def test_missing_topics_are_created_with_their_partitions(bus: KafkaBus) -> None:
    assert len(bus.end_offsets(TOPICS)) == 8


def test_topics_that_are_there_are_left_alone(bus: KafkaBus) -> None:
    assert bus.wait_until_up(threading.Event(), {"control": 3, "heartbeat": 1, "new-user": 6})
    assert len(bus.end_offsets(TOPICS)) == 8


def test_workshops_with_a_prefix_of_their_own_hear_nothing_of_each_other(kafka_address: str) -> None:
    with ExitStack() as stack:
        ada, bob = [
            stack.enter_context(closing(KafkaBus(lambda: kafka_address, embedded=False, client_id="test", prefix=name)))
            for name in ("ada.", "bob.")
        ]
        assert all(bus.wait_until_up(threading.Event(), TOPICS) for bus in (ada, bob))
        producer = stack.enter_context(closing(ada.producer()))
        [place] = producer.send([Outgoing(topic="new-user", key=b"saga-1", value=b"hers")])
        assert place.topic == "new-user"
        members = [
            stack.enter_context(closing(bus.consumer("provisioner", ["new-user"], on_revoked=lambda _: None)))
            for bus in (ada, bob)
        ]
        heard: list[list[Record]] = [[], []]

        def poll() -> bool:
            for records, member in zip(heard, members, strict=True):
                records += member.poll(0.1, limit=10)
            return bool(heard[0]) and all(len(member.assigned()) == TOPICS["new-user"] for member in members)

        eventually(poll)
        assert [[record.place for record in records] for records in heard] == [[place], []]
        members[0].commit({TopicPartition("new-user", place.partition): place.offset + 1})
        committed = [sum(bus.committed_offsets("provisioner", ["new-user"]).values()) for bus in (ada, bob)]
        assert committed == [1, 0]
        assert sum(bob.end_offsets(["new-user"]).values()) == 0


def test_partitions_that_a_topic_is_given_are_looked_at_too(
    bus: KafkaBus, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.kafka_bus.bus.COUNTED_FOR_S", 0.2)
    assert bus.wait_until_up(threading.Event(), {"growing": 1})
    assert len(bus.end_offsets(["growing"])) == 1
    with closing(KafkaAdminClient(bootstrap_servers=kafka_address)) as admin:
        admin.create_partitions({"growing": NewPartitions(2)})
    eventually(lambda: len(bus.end_offsets(["growing"])) == 2)


def settings_of(topic: str, kafka_address: str) -> dict[str, str]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka_address)) as admin:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {name: setting["value"] for name, setting in described["topic"][topic].items()}


def test_of_the_steering_only_the_newest_is_kept(bus: KafkaBus, kafka_address: str) -> None:
    assert settings_of("control", kafka_address)["cleanup.policy"] == "compact"


def test_heartbeats_are_not_kept_for_days(bus: KafkaBus, kafka_address: str) -> None:
    assert int(settings_of("heartbeat", kafka_address)["retention.ms"]) <= 3600 * 1000


@pytest.mark.parametrize("topic", TOPICS)
def test_what_is_written_is_kept_as_it_was_compressed(bus: KafkaBus, kafka_address: str, topic: str) -> None:
    assert settings_of(topic, kafka_address)["compression.type"] == "producer"


def test_messages_are_taken_whatever_their_sender_believes_the_time_to_be(bus: KafkaBus, kafka_address: str) -> None:
    tomorrow = int(1000 * time.time()) + 24 * 3600 * 1000
    with closing(KafkaProducer(bootstrap_servers=kafka_address)) as producer:
        assert producer.send("new-user", b"{}", timestamp_ms=tomorrow).get(timeout=20).topic == "new-user"


def test_whoever_uses_a_topic_that_is_not_there_does_not_make_it(kafka_address: str) -> None:
    with closing(KafkaBus(lambda: kafka_address, embedded=False, client_id="test", acknowledge_s=1.0)) as bus:
        with closing(bus.producer()) as producer, pytest.raises(BrokerUnavailable):
            producer.send([Outgoing(topic="nowhere", key=b"saga-1", value=b"{}")])
        with closing(bus.consumer("lost", ["nowhere"], on_revoked=lambda _: None)) as member:
            assert member.poll(0.5, limit=1) == []
    with closing(KafkaAdminClient(bootstrap_servers=kafka_address)) as admin:
        assert "nowhere" not in admin.list_topics()


def test_waiting_for_a_cluster_that_never_comes_ends_when_told() -> None:
    stop = threading.Event()
    bus = KafkaBus(lambda: "127.0.0.1:1", embedded=False, client_id="test")
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(bus.wait_until_up(stop, TOPICS)))
    waiting.start()
    stop.set()
    waiting.join()
    assert answers == [False]
