"""Daphne, with bounds on what it holds for browsers that do not read, and of those that do not stop sending.

It also ends in order.
"""

import asyncio
from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected
from daphne.http_protocol import WebRequest
from daphne.server import Server
from twisted.internet import defer

MAX_UNSENT_BYTES = 16 * 1024 * 1024
MAX_FRAME_BYTES = 2 * 1024 * 1024
# Above what Django takes (DATA_UPLOAD_MAX_MEMORY_SIZE), which so sees that it was too much, and says so.
MAX_KEPT_BYTES = 3 * 1024 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
NORMAL_CLOSURE = 1000
LAST_ANSWERS_S = 4.0
"""How long those may take who asked before the end; below the grace of the supervisor and of the compose file."""


class BoundedServer(Server):
    """Drops a websocket whose unsent bytes pass the bound; the page then connects anew and catches up.

    Daphne itself would hold them all, without bound, and a single sleeping laptop would fill the memory. It would also
    write all of a body to the disk before anybody is asked about it.
    """

    def __init__(self, **options: Any) -> None:
        # A frame is what somebody sends; a message is what is sent to somebody, too.
        bounds = {"websocket_max_frame_size": MAX_FRAME_BYTES, "websocket_max_message_size": MAX_UNSENT_BYTES}
        super().__init__(**bounds, **options)
        self._is_ending = False

    def protocol_connected(self, protocol: Any) -> None:
        super().protocol_connected(protocol)
        if isinstance(protocol, WebRequest):
            # Daphne lets nobody choose the class of its requests.
            protocol.handleContentChunk = BoundedBody(protocol).handle_chunk

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if self._is_ending and scope["type"] == "http":
            protocol.basic_error(503, b"Service Unavailable", "The server is about to end.")
            return None
        return super().create_application(protocol, scope)

    def kill_all_applications(self) -> Any:
        """Answer what has been asked, then cut off whoever is still there. Twisted waits for that before it stops.

        Daphne would cut off requests as well. The thread of one of those waits for ever for the loop that has stopped,
        and the process for the thread.
        """
        self._is_ending = True
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        if requests := [running for protocol, running in self._running() if isinstance(protocol, WebRequest)]:
            await asyncio.wait(requests, timeout=LAST_ANSWERS_S)
        rest = [running for _, running in self._running()]
        for running in rest:
            running.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _running(self) -> list[tuple[Any, "asyncio.Future[None]"]]:
        """Return the connections for which the application runs. One between two requests has none."""
        known = [(protocol, details.get("application_instance")) for protocol, details in self.connections.items()]
        return [(protocol, running) for protocol, running in known if running and not running.done()]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close" and protocol.state != protocol.STATE_CONNECTING:
            # Daphne would take a method that only knows codes for applications, and fails with those of the protocol.
            return protocol.sendCloseFrame(code=message.get("code") or NORMAL_CLOSURE)
        with suppress(Disconnected):  # what is sent to somebody who has left goes nowhere, says ASGI
            await super().handle_reply(protocol, message)
        if message["type"] == "websocket.send" and _unsent_bytes(protocol.transport) > MAX_UNSENT_BYTES:
            protocol.transport.abortConnection()


class BoundedBody:
    """Keeps the beginning of a request's body, and hangs up on one that will not end."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._received = 0

    def handle_chunk(self, data: bytes) -> None:
        room = MAX_KEPT_BYTES - self._received
        self._received += len(data)
        if room > 0:
            self._request.content.write(data[:room])
        if self._received > MAX_BODY_BYTES:
            self._request.channel.transport.abortConnection()


def _unsent_bytes(transport: Any) -> int:
    # Twisted tells producers to pause, but tells nobody how much it holds; these are its two buffers.
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
