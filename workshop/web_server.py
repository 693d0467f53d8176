"""Daphne, with a bound on what it holds for a browser that has stopped reading."""

from typing import Any

from daphne.server import Server

MAX_UNSENT_BYTES = 16 * 1024 * 1024
MAX_FRAME_BYTES = 2 * 1024 * 1024


class BoundedServer(Server):
    """Drops a websocket whose unsent bytes pass the bound; the page then connects anew and catches up.

    Daphne itself would hold them all, without bound, and a single sleeping laptop would fill the memory.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            websocket_max_frame_size=MAX_FRAME_BYTES, websocket_max_message_size=MAX_FRAME_BYTES, **options
        )

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.send" and _unsent_bytes(protocol.transport) > MAX_UNSENT_BYTES:
            protocol.transport.abortConnection()


def _unsent_bytes(transport: Any) -> int:
    # Twisted tells producers to pause, but tells nobody how much it holds; these are its two buffers.
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
