"""A broker can die while a client is opened: that is told in time, never waited for, and leaves nothing behind."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from workshop.embedded_broker import MockCluster, load_library
from workshop.kafka_bus import KafkaBus, opening
from workshop.kafka_bus.settings import EMBEDDED


@pytest.fixture
def dying_broker() -> Iterator[str]:
    """The address of somebody who listens, and hangs up on whoever calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_hang_up, args=[server], daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def _hang_up(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def test_a_member_is_not_opened_for_ever(dying_broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CONNECT_MS", 500)
    bus = KafkaBus(lambda: dying_broker, embedded=True, client_id="test")
    with pytest.raises(BrokerUnavailable, match="no broker answers"):
        bus.consumer("readers", ["new-user"], on_revoked=lambda partitions: None)


@pytest.mark.parametrize("error", [KafkaError("refused"), ValueError("a mistake")], ids=["of the library", "any other"])
def test_a_client_that_could_not_be_opened_leaves_no_thread_behind(error: Exception) -> None:
    with closing(MockCluster(load_library(), {})) as cluster:
        before = set(threading.enumerate())
        with suppress(BrokerUnavailable, ValueError), opening.opening(cluster.address) as network:
            KafkaAdminClient(bootstrap_servers=cluster.address, kafka_client=network, **EMBEDDED)
            assert set(threading.enumerate()) > before
            raise error
        eventually(lambda: set(threading.enumerate()) <= before)
