"""A browser that has stopped reading is let go, and only then."""

from types import SimpleNamespace
from typing import Any

import pytest
from daphne.server import Server

from workshop.web_server import MAX_UNSENT_BYTES, BoundedServer

FRAME = {"type": "websocket.send", "text": "news"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> BoundedServer:
    async def pass_on(self: Server, protocol: Any, message: dict[str, Any]) -> None:
        protocol.passed.append(message)

    monkeypatch.setattr(Server, "handle_reply", pass_on)
    return BoundedServer(application=None, endpoints=["tcp:port=0"])


def reader(unsent: int) -> Any:
    """Return the server's end of a connection with this much unsent, in both of Twisted's buffers."""
    aborted: list[bool] = []
    transport = SimpleNamespace(
        dataBuffer=bytes(10), offset=10, _tempDataLen=unsent, abortConnection=lambda: aborted.append(True)
    )
    return SimpleNamespace(transport=transport, aborted=aborted, passed=[])


@pytest.mark.parametrize(
    ("unsent", "is_dropped"),
    [
        pytest.param(0, False, id="reads all"),
        pytest.param(MAX_UNSENT_BYTES, False, id="at the bound"),
        pytest.param(MAX_UNSENT_BYTES + 1, True, id="over the bound"),
    ],
)
async def test_a_browser_is_dropped_when_too_much_waits_for_it(
    server: BoundedServer, unsent: int, is_dropped: bool
) -> None:
    protocol = reader(unsent)
    await server.handle_reply(protocol, FRAME)
    assert (bool(protocol.aborted), protocol.passed) == (is_dropped, [FRAME])
