"""A cluster that wants TLS and a password, as a managed one does: the settings reach the client, and they count."""

import gc
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from saga.bus import Outgoing
from tests.brokers import CannotStartKafka, kafka_server
from tests.eventually import eventually
from tests.lacking import give_up
from tests.live import free_port
from workshop.config import Config
from workshop.kafka_bus import KafkaBus
from workshop.links import open_bus

TOPICS = {"secured": 1}
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for 127.0.0.1, and the same behind its key."""
    key, certificate, both = (directory / name for name in ("key.pem", "certificate.pem", "both.pem"))
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=workshop")
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    subprocess.run((*request, *names), check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return certificate, both


def listening_with_sasl_and_tls(port: int, keystore: Path, *, plain_port: int, controller_port: int) -> str:
    return f"""
listeners=PLAINTEXT://127.0.0.1:{plain_port},SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain_port},SASL_SSL://127.0.0.1:{port}
controller.quorum.voters=1@127.0.0.1:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={PLAIN} required user_workshop="open sesame";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
"""


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The settings with which a cluster is to be reached."""
    if not shutil.which("openssl"):
        give_up("no certificate: openssl is not installed")
    directory = tmp_path_factory.mktemp("secured")
    certificate, keystore = make_certificate(directory)
    ports = {"plain_port": free_port(), "controller_port": free_port()}
    port = free_port()
    more = listening_with_sasl_and_tls(port, keystore, **ports)
    with ExitStack() as stack:
        try:
            cache = request.config.cache.mkdir("kafka")
            stack.enter_context(
                kafka_server(directory / "kafka", cache=cache, port=ports["plain_port"], more_settings=more)
            )
        except CannotStartKafka as reason:
            give_up(f"no Apache Kafka: {reason}")
        yield {
            "kafka_bootstrap_servers": f"127.0.0.1:{port}",
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_username": "workshop",
            "kafka_password": "open sesame",
            "kafka_ca_file": certificate,
        }


@pytest.fixture(autouse=True)
def find_sockets_that_the_client_library_leaves_behind() -> Iterator[None]:
    yield
    gc.collect()


def is_let_in(bus: KafkaBus, *, within_s: float) -> bool:
    stop = threading.Event()
    timer = threading.Timer(within_s, stop.set)
    timer.start()
    try:
        return bus.wait_until_up(stop, TOPICS)
    finally:
        timer.cancel()


def test_messages_travel_through_tls_after_logging_in(secured: dict[str, Any]) -> None:
    with closing(open_bus(Config(**secured), "test")) as bus:
        assert is_let_in(bus, within_s=20)
        with closing(bus.producer()) as producer:
            producer.send([Outgoing(topic="secured", key=b"k", value=b"v", headers=())])
        with closing(bus.reader("secured")) as reader:
            [record] = eventually(lambda: reader.poll(0.5, limit=10))
        with closing(bus.consumer("group", TOPICS, on_revoked=lambda partitions: None)) as member:
            assert eventually(lambda: member.poll(0.5, limit=10)) == [record]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"kafka_password": "open barley"}, id="another password"),
        pytest.param({"kafka_ca_file": None}, id="an authority nobody knows"),
    ],
)
def test_nobody_else_is_let_in_and_the_wait_can_be_ended(secured: dict[str, Any], wrong: dict[str, Any]) -> None:
    with closing(open_bus(Config(**(secured | wrong)), "test")) as bus:
        began = time.monotonic()
        assert not is_let_in(bus, within_s=5)
        assert time.monotonic() - began < 20
