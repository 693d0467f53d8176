"""A broker can die while a client is opened: that is told in time, and never waited for."""

import socket
import threading
from collections.abc import Iterator

import pytest

from saga.errors import BrokerUnavailable
from workshop.kafka_bus import KafkaBus, opening


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
