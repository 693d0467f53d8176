"""The brokers that the tests talk to: in memory, embedded, and an Apache Kafka started from the jars in `pom.xml`."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saga.bus import Bus
from tests.eventually import eventually
from tests.support.brokers.memory_bus import MemoryBus
from workshop.config import ROOT
from workshop.embedded_broker import MockCluster, load_library
from workshop.kafka_bus import KafkaBus

POM = ROOT / "tests" / "pom.xml"
START_S = 240
STOP_S = 60
QUICK_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


class CannotStartKafka(Exception):
    """Raised when this machine lacks something that an Apache Kafka needs; the message says what."""


@dataclass(frozen=True)
class Broker:
    """A broker, of whatever kind: a bus to it, and topics that no other test has used."""

    bus: Bus
    create: Callable[[Mapping[str, int]], object]
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def group(self, name: str) -> str:
        return f"{self.name}-{name}"

    def topic(self, partitions: int) -> str:
        topic = f"{self.name}-{partitions}-{uuid.uuid4().hex[:4]}"
        self.create({topic: partitions})
        return topic


@contextmanager
def memory_broker() -> Iterator[Broker]:
    bus = MemoryBus({})
    yield Broker(bus, bus.create)


@contextmanager
def embedded_broker() -> Iterator[Broker]:
    cluster = MockCluster(load_library(), {})
    bus = KafkaBus(lambda: cluster.address, embedded=True, client_id="test")
    yield Broker(bus, cluster.create)
    bus.close()
    cluster.close()


@contextmanager
def kafka_broker(address: str) -> Iterator[Broker]:
    bus = KafkaBus(lambda: address, embedded=False, client_id="test", prefix="one-of-many.")
    yield Broker(bus, lambda topics: bus.wait_until_up(threading.Event(), topics))
    bus.close()


@contextmanager
def broker_process(address_file: Path, topics: Mapping[str, int]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the embedded broker as the supervisor does: in a process of its own."""
    arguments = [f"{topic}:{partitions}" for topic, partitions in topics.items()]
    command = [sys.executable, "-m", "workshop.embedded_broker", "--address-file", str(address_file), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


class KafkaServer:
    """An Apache Kafka of one node, broker and controller in one. It can be stopped or killed, and started again."""

    def __init__(
        self,
        directory: Path,
        *,
        cache: Path,
        port: int | None = None,
        more_settings: str = "",
        more_storage: tuple[str, ...] = (),
    ) -> None:
        self._java = ("java", *QUICK_JVM, "-cp", _classpath(cache))
        directory.mkdir(exist_ok=True)
        free_port, controller_port = _free_ports(2)
        self._port = port or free_port
        self.address = f"127.0.0.1:{self._port}"
        self._log = directory / "log"
        self._settings = directory / "server.properties"
        settings = _settings(directory / "data", port=self._port, controller_port=controller_port)
        self._settings.write_text(settings + more_settings)
        tool = ("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(self._settings))
        _run((*self._java, *tool, *more_storage), reason="the storage of Kafka could not be formatted")

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = (*self._java, "kafka.Kafka", str(self._settings))
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: self._process.poll() is not None or _listens(self._port), within_s=START_S)
        assert self._process.poll() is None, f"Kafka ended: {self._log.read_text()[-2000:]}"

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        self._process.wait(STOP_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def kafka_server(directory: Path, *, cache: Path, **more: Any) -> Iterator[str]:
    """Run an Apache Kafka; give its address."""
    server = KafkaServer(directory, cache=cache, **more)
    try:
        server.start()
        yield server.address
    finally:
        server.kill()


def _classpath(cache: Path) -> str:
    """Let Maven fetch the jars, once for each state of the pom."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise CannotStartKafka(f"{tool} is not installed")
    known = cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    if not known.exists() or not Path(known.read_text().split(os.pathsep)[0]).exists():
        resolve = ("mvn", "-q", "-B", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={known}")
        _run(resolve, reason="Maven could not resolve the jars of Kafka")
    return known.read_text()


def _run(command: tuple[str, ...], *, reason: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise CannotStartKafka(f"{reason}: {(done.stdout + done.stderr)[-500:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _settings(data: Path, *, port: int, controller_port: int) -> str:
    """One node, no replicas, and no waiting for members that will not come."""
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=true
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""
