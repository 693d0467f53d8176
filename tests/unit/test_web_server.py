"""A browser that has stopped reading is let go, and so is one that does not stop sending. At the end, all are."""

import asyncio
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.exception import Disconnected
from daphne.http_protocol import WebRequest
from daphne.server import Server

from workshop import web_server
from workshop.web_server import MAX_BODY_BYTES, MAX_KEPT_BYTES, MAX_UNSENT_BYTES, BoundedBody, BoundedServer

FRAME = {"type": "websocket.send", "text": "news"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> BoundedServer:
    async def pass_on(self: Server, protocol: Any, message: dict[str, Any]) -> None:
        if protocol.has_left:
            raise Disconnected
        protocol.passed.append(message)

    monkeypatch.setattr(Server, "handle_reply", pass_on)
    return BoundedServer(application=None, endpoints=["tcp:port=0"])


def reader(unsent: int = 0, *, has_left: bool = False) -> Any:
    """Return the server's end of a connection with this much unsent, in both of Twisted's buffers."""
    aborted: list[bool] = []
    transport = SimpleNamespace(
        dataBuffer=bytes(10), offset=10, _tempDataLen=unsent, abortConnection=lambda: aborted.append(True)
    )
    return SimpleNamespace(transport=transport, aborted=aborted, passed=[], has_left=has_left)


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


async def test_what_is_sent_to_a_browser_that_has_left_goes_nowhere(server: BoundedServer) -> None:
    protocol = reader(has_left=True)
    await server.handle_reply(protocol, FRAME)
    assert (protocol.aborted, protocol.passed) == ([], [])


@pytest.mark.parametrize(("code", "sent"), [(1013, 1013), (None, 1000)], ids=["with a reason", "in order"])
async def test_a_socket_is_closed_with_the_reason_of_the_application(
    server: BoundedServer, code: int | None, sent: int
) -> None:
    codes: list[int] = []
    protocol = SimpleNamespace(state=3, STATE_CONNECTING=1, sendCloseFrame=lambda code: codes.append(code))
    await server.handle_reply(protocol, {"type": "websocket.close", "code": code})
    assert codes == [sent]


async def test_a_socket_that_was_not_let_in_is_refused_as_daphne_does(server: BoundedServer) -> None:
    protocol = SimpleNamespace(state=1, STATE_CONNECTING=1, has_left=False, passed=[])
    await server.handle_reply(protocol, {"type": "websocket.close"})
    assert protocol.passed == [{"type": "websocket.close"}]


CHUNK = bytes(100_000)


def sent(size: int) -> Any:
    """Return the server's end of a request with a body of this size, read as far as it is."""
    aborted: list[bool] = []
    channel = SimpleNamespace(transport=SimpleNamespace(abortConnection=lambda: aborted.append(True)))
    request = SimpleNamespace(content=BytesIO(), channel=channel, aborted=aborted)
    body = BoundedBody(request)
    for start in range(0, size, len(CHUNK)):
        body.handle_chunk(CHUNK[: size - start])
    return request


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        pytest.param(0, 0, id="no body"),
        pytest.param(MAX_KEPT_BYTES, MAX_KEPT_BYTES, id="as much as is kept"),
        pytest.param(MAX_BODY_BYTES, MAX_KEPT_BYTES, id="more than is kept"),
    ],
)
def test_of_a_body_only_the_beginning_is_kept(size: int, kept: int) -> None:
    request = sent(size)
    assert (len(request.content.getvalue()), request.aborted) == (kept, [])


def test_the_body_of_every_request_is_bounded(server: BoundedServer) -> None:
    request = WebRequest.__new__(WebRequest)
    request.content, server.connections = BytesIO(), {}
    server.protocol_connected(request)
    request.handleContentChunk(bytes(MAX_KEPT_BYTES + 1))
    assert len(request.content.getvalue()) == MAX_KEPT_BYTES


def test_a_body_without_end_is_cut_off() -> None:
    assert sent(MAX_BODY_BYTES + 1).aborted


def test_what_django_takes_is_kept(settings: Any) -> None:
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE < MAX_KEPT_BYTES


async def end_with(server: BoundedServer, protocol: Any) -> "asyncio.Future[Any]":
    """End the server while its application runs for one connection and another is idle; return what runs."""
    endless = asyncio.ensure_future(asyncio.Event().wait())
    server.connections = {protocol: {"application_instance": endless}, object(): {}}
    await server.kill_all_applications().asFuture(asyncio.get_running_loop())
    return endless


async def test_a_request_that_takes_too_long_does_not_keep_the_server(
    server: BoundedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "LAST_ANSWERS_S", 0.0)
    assert (await end_with(server, WebRequest.__new__(WebRequest))).cancelled()


async def test_a_socket_is_cut_off_at_once(server: BoundedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "LAST_ANSWERS_S", None)
    assert (await end_with(server, object())).cancelled()


async def test_who_asks_after_the_end_has_begun_is_refused(server: BoundedServer) -> None:
    refused: list[int] = []
    await end_with(server, object())
    late = SimpleNamespace(basic_error=lambda status, *why: refused.append(status))
    assert (server.create_application(late, {"type": "http"}), refused) == (None, [503])
