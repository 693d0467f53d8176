"""The embedded broker as a process and as a cluster, and how clients live through its bad days."""

import gc
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from kafka import KafkaProducer

from saga.bus import Consumer, Outgoing, Producer, Record
from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from tests.support.brokers.kinds import broker_process
from workshop import embedded_broker
from workshop.embedded_broker import MockCluster, load_library, start_broker
from workshop.kafka_bus import KafkaBus, address_in
from workshop.kafka_bus.settings import EMBEDDED

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
MESSAGE = Outgoing(topic="notes", key=b"key", value=b"value")


@pytest.fixture(autouse=True)
def refused_connections() -> Iterator[None]:
    """The client library leaves their sockets to the garbage collector, which should find them here."""
    yield
    gc.collect()


@pytest.fixture
def address_file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "broker"


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with closing(MockCluster(load_library(), {"notes": 6})) as cluster:
        yield cluster


@pytest.fixture
def bus(cluster: MockCluster) -> Iterator[KafkaBus]:
    with closing(KafkaBus(lambda: cluster.address, embedded=True, client_id="test", acknowledge_s=2.0)) as bus:
        yield bus


def bus_at(address_file: Path) -> KafkaBus:
    eventually(address_file.exists)
    return KafkaBus(address_in(address_file), embedded=True, client_id="test")


def join(bus: KafkaBus, group: str = "group") -> Consumer:
    return bus.consumer(group, ["notes"], on_revoked=lambda _: None)


def fails(client: Producer | Consumer) -> bool:
    """Has the client found out that its broker is gone?"""
    try:
        client.send([MESSAGE]) if hasattr(client, "send") else client.poll(0.1, limit=1)
    except BrokerUnavailable:
        return True
    return False


def send_one(bus: KafkaBus) -> bool:
    """Send a message with a new producer, if the broker is there."""
    with suppress(BrokerUnavailable), closing(bus.producer()) as producer:
        return bool(producer.send([MESSAGE]))
    return False


def read_one(consumer: Consumer) -> list[Record]:
    return eventually(lambda: poll(consumer))


def poll(consumer: Consumer) -> list[Record]:
    with suppress(BrokerUnavailable):
        return consumer.poll(1.0, limit=1)
    return []


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_and_takes_its_address_along(address_file: Path, stop_signal: signal.Signals) -> None:
    with broker_process(address_file, {"notes": 6}) as process:
        eventually(address_file.exists)
        process.send_signal(stop_signal)
        assert process.wait(10) == 0
    assert not address_file.exists()


def test_it_leaves_the_address_of_its_successor(address_file: Path) -> None:
    with broker_process(address_file, {"notes": 6}) as process:
        eventually(address_file.exists)
        address_file.write_text("127.0.0.1:1")
        process.terminate()
        process.wait(10)
    assert address_file.read_text() == "127.0.0.1:1"


def test_it_ends_with_the_process_that_holds_its_leash(address_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_LEASH", "stdin")
    with broker_process(address_file, {"notes": 6}) as process:
        eventually(address_file.exists)
        process.stdin.close()
        assert process.wait(10) == 0


def test_clients_that_come_at_once_all_come_in_at_once(address_file: Path) -> None:
    """While the broker does not look, the system lets them wait; whom it turns away comes again after a second."""
    with broker_process(address_file, {"notes": 6}) as process, ExitStack() as clients:
        eventually(address_file.exists)
        host, _, port = address_file.read_text().rpartition(":")
        process.send_signal(signal.SIGSTOP)
        clients.callback(process.send_signal, signal.SIGCONT)
        for _ in range(30):
            clients.enter_context(socket.create_connection((host, int(port)), timeout=5.0))


def test_topics_have_the_partitions_that_were_asked_for(address_file: Path) -> None:
    with broker_process(address_file, {"notes": 6, "control": 1}), closing(bus_at(address_file)) as bus:
        assert len(bus.end_offsets(["notes", "control"])) == 7


def test_a_restarted_broker_is_found_at_its_new_address(address_file: Path) -> None:
    with broker_process(address_file, {"notes": 6}) as first:
        bus = bus_at(address_file)
        producer, consumer = bus.producer(), join(bus)
        producer.send([MESSAGE])
        read_one(consumer)
        assert not bus.is_stale()
        first.kill()
        first.wait()
        address_file.unlink()
    with broker_process(address_file, {"notes": 6}):
        eventually(address_file.exists)
        eventually(lambda: fails(producer) and fails(consumer) and bus.is_stale())
        producer.close()
        consumer.close()
        with closing(bus), closing(bus.producer()) as producer, closing(join(bus)) as consumer:
            producer.send([MESSAGE])
            assert read_one(consumer)
            assert sum(bus.end_offsets(["notes"]).values()) == 1
            assert not bus.is_stale()


def test_a_broker_that_is_not_there_is_said_at_once(address_file: Path) -> None:
    bus = KafkaBus(address_in(address_file), embedded=True, client_id="test")
    with pytest.raises(BrokerUnavailable, match="not running"):
        bus.producer()


def test_who_is_there_first_waits_for_the_broker_and_says_so_when_it_takes_long(
    address_file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.kafka_bus.bus.SAY_AFTER_S", 0.3)
    bus = KafkaBus(address_in(address_file), embedded=True, client_id="test")
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(bus.wait_until_up(threading.Event(), {"notes": 6})))
    waiting.start()
    eventually(lambda: "Waiting for the broker" in caplog.text)
    with closing(bus), broker_process(address_file, {"notes": 6}):
        waiting.join()
    assert answers == [True]


def test_an_address_where_nobody_listens_is_said_at_once(cluster: MockCluster, bus: KafkaBus) -> None:
    cluster.set_down()
    for open_client in (
        bus.producer,
        lambda: join(bus),
        lambda: bus.reader("notes"),
        lambda: bus.end_offsets(["notes"]),
    ):
        with pytest.raises(BrokerUnavailable, match="nobody listens"):
            open_client()


def test_what_a_broker_that_is_down_did_not_acknowledge_is_an_error(cluster: MockCluster, bus: KafkaBus) -> None:
    with closing(bus.producer()) as producer:
        producer.send([MESSAGE])
        cluster.set_down()
        with pytest.raises(BrokerUnavailable):
            producer.send([MESSAGE])


def test_a_producer_that_failed_can_be_replaced(cluster: MockCluster, bus: KafkaBus) -> None:
    with closing(bus.producer()) as producer:
        cluster.set_down()
        with pytest.raises(BrokerUnavailable):
            producer.send([MESSAGE])
    cluster.set_up()
    assert eventually(lambda: send_one(bus))


def test_a_consumer_outlives_an_outage(cluster: MockCluster, bus: KafkaBus) -> None:
    with closing(join(bus)) as consumer:
        eventually(lambda: poll(consumer) or consumer.assigned())
        cluster.set_down()
        poll(consumer)
        cluster.set_up()
        eventually(lambda: send_one(bus))
        assert read_one(consumer)


def test_a_slow_broker_is_slow_and_no_more(cluster: MockCluster, bus: KafkaBus) -> None:
    cluster.set_rtt(50)
    with closing(bus.producer()) as producer, closing(join(bus)) as consumer:
        producer.send([MESSAGE])
        assert read_one(consumer)


def test_every_start_of_a_consumer_gets_partitions(bus: KafkaBus) -> None:
    with closing(bus.producer()) as producer:
        producer.send([MESSAGE])
    for number in range(20):
        with closing(join(bus, f"group {number}")) as consumer:
            assert read_one(consumer)
            assert len(consumer.assigned()) == 6


def test_without_its_library_a_plainer_broker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no such library")

    monkeypatch.setattr(embedded_broker, "load_library", refuse)
    with closing(start_broker({"notes": 6})) as broker:
        bus = KafkaBus(lambda: broker.address, embedded=True, client_id="test")
        with closing(bus), closing(bus.producer()) as producer, closing(bus.reader("notes")) as reader:
            [place] = producer.send([MESSAGE])
            assert [record.place for record in read_one(reader)] == [place]
            assert len(bus.end_offsets(["notes"])) == 4


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
def test_what_others_have_compressed_can_be_read(cluster: MockCluster, bus: KafkaBus, compression: str | None) -> None:
    with closing(KafkaProducer(bootstrap_servers=cluster.address, compression_type=compression, **EMBEDDED)) as other:
        other.send("notes", b"value").get(timeout=20)
    with closing(bus.reader("notes")) as reader:
        assert [record.value for record in eventually(lambda: reader.poll(0.5, limit=9))] == [b"value"]
