"""What is done only on a real cluster: waiting for it, and giving it the topics."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from workshop.kafka_bus import KafkaBus

TOPICS = {"control": 1, "new-user": 6}
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def bus(kafka_address: str) -> Iterator[KafkaBus]:
    with closing(KafkaBus(lambda: kafka_address, embedded=False, client_id="test")) as bus:
        assert bus.wait_until_up(threading.Event(), TOPICS)
        yield bus


def test_missing_topics_are_created_with_their_partitions(bus: KafkaBus) -> None:
    assert len(bus.end_offsets(TOPICS)) == 7


def test_topics_that_are_there_are_left_alone(bus: KafkaBus) -> None:
    assert bus.wait_until_up(threading.Event(), {"control": 3, "new-user": 6})
    assert len(bus.end_offsets(TOPICS)) == 7


def test_of_the_steering_only_the_newest_is_kept(bus: KafkaBus, kafka_address: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka_address)) as admin:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "control")])
    assert described["topic"]["control"]["cleanup.policy"]["value"] == "compact"


def test_messages_are_taken_whatever_their_sender_believes_the_time_to_be(bus: KafkaBus, kafka_address: str) -> None:
    tomorrow = int(1000 * time.time()) + 24 * 3600 * 1000
    with closing(KafkaProducer(bootstrap_servers=kafka_address)) as producer:
        assert producer.send("new-user", b"{}", timestamp_ms=tomorrow).get(timeout=20).topic == "new-user"


def test_waiting_for_a_cluster_that_never_comes_ends_when_told() -> None:
    stop = threading.Event()
    bus = KafkaBus(lambda: "127.0.0.1:1", embedded=False, client_id="test")
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(bus.wait_until_up(stop, TOPICS)))
    waiting.start()
    stop.set()
    waiting.join()
    assert answers == [False]
