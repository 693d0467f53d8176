"""A cluster that wants TLS and a password, as a managed one does: the settings reach the client, and they count."""

import gc
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saga.bus import Outgoing
from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.brokers.kinds import CannotStartKafka, kafka_server
from tests.support.system.live import free_port
from workshop.config import Config
from workshop.kafka_bus import KafkaBus
from workshop.links import open_bus

TOPICS = {"secured": 1}
Settings = dict[str, Any]
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PASSWORD = "open sesame"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")


class Tls(NamedTuple):
    """Files: a self-signed certificate for 127.0.0.1, its key, and both in one."""

    certificate: Path
    key: Path
    both: Path


def make_certificate(directory: Path) -> Tls:
    key, certificate, both = (directory / name for name in ("key.pem", "certificate.pem", "both.pem"))
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=workshop")
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    subprocess.run((*request, *names), check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return Tls(certificate, key, both)


def who_may_log_in() -> tuple[str, ...]:
    """Return what Kafka's storage is made with: passwords for SCRAM are kept there, hashed."""
    scram = [name for name in MECHANISMS if name.startswith("SCRAM")]
    return tuple(word for name in scram for word in ("--add-scram", f"{name}=[name=workshop,password={PASSWORD}]"))


def listening(tls: Tls, *, plain: int, sasl: int, mutual: int, controller: int) -> str:
    """Return Kafka's settings for a port without TLS, one that wants a login, and one that wants a certificate."""
    outside = f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual}"
    return f"""
listeners={outside},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={outside}
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms={",".join(MECHANISMS)}
listener.name.sasl_ssl.plain.sasl.jaas.config={PLAIN} required user_workshop="{PASSWORD}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={SCRAM} required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={SCRAM} required;
listener.name.ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={tls.both}
ssl.truststore.type=PEM
ssl.truststore.location={tls.certificate}
"""


@pytest.fixture(scope="module")
def doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Settings]]:
    """The settings with which a cluster is to be reached: with a login, or with a certificate."""
    if not shutil.which("openssl"):
        give_up("no certificate: openssl is not installed")
    directory = tmp_path_factory.mktemp("secured")
    tls = make_certificate(directory)
    ports = {name: free_port() for name in ("plain", "sasl", "mutual", "controller")}
    with ExitStack() as stack:
        try:
            cache = request.config.cache.mkdir("kafka")
            more = {"more_settings": listening(tls, **ports), "more_storage": who_may_log_in()}
            stack.enter_context(kafka_server(directory / "kafka", cache=cache, port=ports["plain"], **more))
        except CannotStartKafka as reason:
            give_up(f"no Apache Kafka: {reason}")
        logins = {
            mechanism: {
                "kafka_bootstrap_servers": f"127.0.0.1:{ports['sasl']}",
                "kafka_security_protocol": "SASL_SSL",
                "kafka_ca_file": tls.certificate,
                "kafka_sasl_mechanism": mechanism,
                "kafka_username": "workshop",
                "kafka_password": PASSWORD,
            }
            for mechanism in MECHANISMS
        }
        yield logins | {
            "a certificate": {
                "kafka_bootstrap_servers": f"127.0.0.1:{ports['mutual']}",
                "kafka_security_protocol": "SSL",
                "kafka_ca_file": tls.certificate,
                "kafka_cert_file": tls.certificate,
                "kafka_key_file": tls.key,
            },
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


@pytest.mark.parametrize("door", [*MECHANISMS, "a certificate"])
def test_messages_travel_through_tls_of_who_has_what_is_asked_for(doors: dict[str, Settings], door: str) -> None:
    with closing(open_bus(Config(**doors[door]), "test")) as bus:
        assert is_let_in(bus, within_s=20)
        with closing(bus.producer()) as producer:
            sent = producer.send([Outgoing(topic="secured", key=b"k", value=b"v", headers=())])
        with closing(bus.reader("secured")) as reader:
            record = eventually(lambda: reader.poll(0.5, limit=10))[-1]
            assert [record.place] == sent
        with closing(bus.consumer(f"for {door}", TOPICS, on_revoked=lambda partitions: None)) as member:
            assert eventually(lambda: member.poll(0.5, limit=10))[-1] == record


@pytest.mark.parametrize(
    ("door", "wrong"),
    [
        *[pytest.param(name, {"kafka_password": "open barley"}, id=f"another password, {name}") for name in MECHANISMS],
        pytest.param("PLAIN", {"kafka_ca_file": None}, id="an authority nobody knows"),
        pytest.param("a certificate", {"kafka_cert_file": None, "kafka_key_file": None}, id="no certificate"),
    ],
)
def test_nobody_else_is_let_in_and_the_wait_can_be_ended(
    doors: dict[str, Settings], door: str, wrong: Settings
) -> None:
    with closing(open_bus(Config(**(doors[door] | wrong)), "test")) as bus:
        began = time.monotonic()
        assert not is_let_in(bus, within_s=5)
        assert time.monotonic() - began < 20
