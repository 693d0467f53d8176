"""The websocket of the page. Every rule is the hub's; this only speaks the protocol."""

import json
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard import frames
from dashboard.hub import Hub
from dashboard.metrics import SOCKETS

MAX_REQUEST_CHARS = 1_000


class SagaSocket(AsyncWebsocketConsumer):
    # None by that name: the hub hears for all sockets, and a page can be opened while the layer is away.
    channel_layer_alias = "none"

    def __init__(self, *, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.trace = True
        self.seen = 0

    async def connect(self) -> None:
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        self.trace = query.get("trace") != ["off"]
        await self.accept()
        SOCKETS.inc()
        await self.hub.join(self)

    async def disconnect(self, code: int) -> None:
        self.hub.leave(self)
        SOCKETS.dec()

    async def send_frame(self, frame: str) -> None:
        await self.send(text_data=frame)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        match _request(text_data):
            case {"type": "trace-mode", "enabled": bool(enabled)}:
                await self.hub.set_trace(self, enabled)
            case {"type": "resume", "after": int(after)} if _is_count(after):
                await self.hub.resume(self, after)
            case {"type": "older", "before": int(before)} if _is_count(before):
                await self.hub.send_older(self, before)
            case _:
                await self.send_frame(frames.error("that is no request this page makes; it was ignored"))


def _is_count(number: int) -> bool:
    # To Python, true is an integer as well.
    return number >= 0 and not isinstance(number, bool)


def _request(text: str | None) -> Any:
    if text is None or len(text) > MAX_REQUEST_CHARS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
