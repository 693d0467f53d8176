"""The websocket of the page. Every rule is the hub's; this only speaks the protocol."""

import json
import time
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from dashboard.live import frames
from dashboard.live.hub import Hub
from dashboard.web.buckets import Buckets
from dashboard.web.metrics import SOCKETS

MAX_REQUEST_CHARS = 1_000
REQUESTS_PER_MINUTE = 600
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013


class SagaSocket(AsyncWebsocketConsumer):
    # None by that name: the hub hears for all sockets, and a page can be opened while the layer is away.
    channel_layer_alias = "none"

    def __init__(self, *, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.trace = True
        self.seen = 0
        self._requests = Buckets()
        self._is_refused = False

    async def __call__(self, *connection: Any) -> None:
        # However it ends: in order, by an exception, or because the server gives it up.
        with SOCKETS.track_inprogress():
            try:
                await super().__call__(*connection)
            finally:
                self.hub.leave(self)

    async def connect(self) -> None:
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        self.trace = query.get("trace") != ["off"]
        await self.accept()
        await self.hub.join(self)

    async def send_frame(self, frame: str) -> None:
        await self.send(text_data=frame)

    async def turn_away(self) -> None:
        await self.close(TRY_AGAIN_LATER)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._requests.take("all", per_minute=REQUESTS_PER_MINUTE, now=time.monotonic()):
            return await self._refuse_flood()
        try:
            await self._answer(_request(text_data))
        except DatabaseError:
            # The page connects anew, is told what is wrong, and asks again.
            await self.turn_away()

    async def _answer(self, request: Any) -> None:
        match request:
            case {"type": "trace-mode", "enabled": bool(enabled)}:
                await self.hub.set_trace(self, enabled)
            case {"type": "resume", "after": int(after)} if _is_count(after):
                await self.hub.resume(self, after)
            case {"type": "older", "before": int(before)} if _is_count(before):
                await self.hub.send_older(self, before)
            case _:
                await self.send_frame(frames.error("that is no request this page makes; it was ignored"))

    async def _refuse_flood(self) -> None:
        # What was under way when it was closed still comes in.
        if not self._is_refused:
            self._is_refused = True
            await self.send_frame(frames.error(f"{REQUESTS_PER_MINUTE} requests a minute are the most"))
            await self.close(POLICY_VIOLATION)


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
