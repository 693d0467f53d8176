"""A Kafka broker inside one Python process: librdkafka's mock cluster, out of the confluent-kafka wheel.

It speaks the Kafka protocol on loopback, needs neither Java nor Docker, and is up in a tenth of a second. It is a
broker for lessons: it keeps everything in memory, 5 MiB a partition, forgets it on exit, has no transactions, and picks
its own port, which is why it writes its address to a file.

    python -m workshop.embedded_broker --address-file var/run/broker new-user:6 authorize:6 control:1
"""

import argparse
import ctypes
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from workshop import leash

REBALANCE_DELAY_MS = 100
"""How long the first member of a group waits for others; the mock's own 3 s would be the longest part of a start."""
BROKER_ID = 1
BACKLOG = 128
START_S = 5.0
BREATH_S = 0.001
STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})

log = logging.getLogger(__name__)


class EmbeddedBroker(Protocol):
    address: str

    def close(self) -> None: ...


def start_broker(topics: Mapping[str, int]) -> EmbeddedBroker:
    """Start a broker with these topics and partition counts."""
    try:
        return MockCluster(load_library(), topics)
    except OSError as error:
        log.warning(
            "The embedded broker cannot be steered here (%s): topics get 4 partitions when first used,"
            " and the first members of a group wait 3 s.",
            error,
        )
        return PlainMockCluster(topics)


class MockCluster:
    """The mock cluster by its C API, which lets us choose partitions and make the broker fail on purpose."""

    def __init__(self, library: ctypes.CDLL, topics: Mapping[str, int]) -> None:
        self._library = library
        self._client = _create_client(library)
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise OSError("librdkafka did not start its mock cluster")
        self._steer("group_initial_rebalance_delay_ms", REBALANCE_DELAY_MS)
        self.create(topics)
        self.address: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        let_more_wait(self.address)

    def create(self, topics: Mapping[str, int]) -> None:
        for topic, partitions in topics.items():
            self._steer("topic_create", topic.encode(), partitions, 1)

    def set_down(self) -> None:
        """Cut every connection and refuse new ones; what was written is kept."""
        self._steer("broker_set_down", BROKER_ID)

    def set_up(self) -> None:
        self._steer("broker_set_up", BROKER_ID)
        let_more_wait(self.address)

    def set_rtt(self, milliseconds: int) -> None:
        """Let every answer take this long."""
        self._steer("broker_set_rtt", BROKER_ID, milliseconds)

    def close(self) -> None:
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None

    def _steer(self, what: str, *arguments: object) -> None:
        """Have the cluster's thread do it.

        That thread does what it is asked, and only then empties the pipe by which it is woken. What is asked just
        then is not heard until it looks by itself, a second later (rd_kafka_mock_cluster_io_poll of librdkafka 2). Of
        285 topics made one right after another, 26 took that second; after a breath each, none.
        """
        time.sleep(BREATH_S)
        if error := getattr(self._library, f"rd_kafka_mock_{what}")(self._cluster, *arguments):
            raise OSError(self._library.rd_kafka_err2str(error).decode())


class PlainMockCluster:
    """The same broker where its C API is out of reach: a producer believes that it starts it for itself."""

    def __init__(self, topics: Iterable[str]) -> None:
        from confluent_kafka import Producer  # not at the top: only needed here, and the steered broker starts sooner

        self._producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        for topic in topics:
            self._producer.list_topics(topic, timeout=START_S)  # to ask for a topic is to create it
        broker = self._producer.list_topics(timeout=START_S).brokers[BROKER_ID]
        self.address = f"{broker.host}:{broker.port}"
        let_more_wait(self.address)

    def close(self) -> None:
        del self._producer


def let_more_wait(address: str) -> None:
    """Let more clients connect at once than the five for which librdkafka has room until it looks (`listen(s, 5)`).

    Whom the system turns away tries again after a second, which in a start was the longest second of all. The socket
    is one of this process's descriptors, and to say `listen` again is to change the number.
    """
    host, _, port = address.rpartition(":")
    for descriptor in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # it is no socket, or one that does not listen
            found = socket.socket(fileno=descriptor)
            try:
                if found.getsockname() == (host, int(port)):
                    found.listen(BACKLOG)
            finally:
                found.detach()


def load_library() -> ctypes.CDLL:
    """Load librdkafka and declare what we call of it. Raises OSError where it cannot be reached."""
    library = ctypes.CDLL(str(find_library()))
    try:
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:  # a build without the mock cluster
        raise OSError(str(error)) from error
    return library


def find_library() -> Path:
    """Find librdkafka where the wheels put it: beside the package on Linux and Windows, inside it on macOS."""
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise OSError("the package confluent-kafka is not installed")
    package = Path(spec.origin).parent
    for pattern in ("../confluent_kafka.libs/*rdkafka*", ".dylibs/*rdkafka*"):
        for path in sorted(package.glob(pattern)):
            return path.resolve()
    raise OSError("librdkafka is not where the wheel of confluent-kafka puts it")


POINTER, STRING, INT, SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
SIGNATURES: Mapping[str, tuple[type | None, ...]] = {
    "rd_kafka_conf_new": (POINTER,),
    "rd_kafka_conf_set": (INT, POINTER, STRING, STRING, STRING, SIZE),
    "rd_kafka_new": (POINTER, INT, POINTER, STRING, SIZE),
    "rd_kafka_destroy": (None, POINTER),
    "rd_kafka_err2str": (STRING, INT),
    "rd_kafka_mock_cluster_new": (POINTER, POINTER, INT),
    "rd_kafka_mock_cluster_destroy": (None, POINTER),
    "rd_kafka_mock_cluster_bootstraps": (STRING, POINTER),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, POINTER, ctypes.c_int32),
    "rd_kafka_mock_topic_create": (INT, POINTER, STRING, INT, INT),
    "rd_kafka_mock_broker_set_down": (INT, POINTER, ctypes.c_int32),
    "rd_kafka_mock_broker_set_up": (INT, POINTER, ctypes.c_int32),
    "rd_kafka_mock_broker_set_rtt": (INT, POINTER, ctypes.c_int32, INT),
}
RD_KAFKA_PRODUCER = 0


def _create_client(library: ctypes.CDLL) -> int:
    """A mock cluster lives inside a client; this one connects to nothing, and need not complain about that."""
    reason = ctypes.create_string_buffer(512)
    configuration = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(configuration, b"log_level", b"0", reason, len(reason))
    client: int | None = library.rd_kafka_new(RD_KAFKA_PRODUCER, configuration, reason, len(reason))
    if not client:
        raise OSError(reason.value.decode())
    return client


@contextmanager
def published(address: str, file: Path) -> Iterator[None]:
    """Keep `address` in `file`, written whole or not at all, and leave there what another broker wrote since."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(address)
    os.replace(draft, file)
    try:
        yield
    finally:
        if file.exists() and file.read_text() == address:
            file.unlink()


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    parser = argparse.ArgumentParser(prog="workshop.embedded_broker", description="Run the embedded broker.")
    parser.add_argument("--address-file", type=Path, required=True, help="where to write host:port")
    parser.add_argument("topics", nargs="+", metavar="TOPIC:PARTITIONS", type=_topic)
    options = parser.parse_args(arguments)
    # Blocked before the first thread starts, so that only sigwait() below ever sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    leash.hold()
    broker = start_broker(dict(options.topics))
    with published(broker.address, options.address_file):
        log.info("The embedded broker listens on %s.", broker.address)
        signal.sigwait(STOP_SIGNALS)
    # Not closed: everybody's connection ends with this process, and taking the cluster apart takes a second.
    log.info("The embedded broker ends, and forgets.")


def _topic(text: str) -> tuple[str, int]:
    name, _, partitions = text.partition(":")
    return name, int(partitions)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
