"""A browser's end of the page's socket, in process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator

PATIENCE_S = 20.0
HOST = (b"host", b"localhost:8000")
ORIGIN = (b"origin", b"http://localhost:8000")

Frame = dict[str, Any]


class PageSocket:
    """What one page has been sent, in order, and the rows that it would show by now."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self._communicator = communicator
        self.frames: list[Frame] = []

    async def next(self) -> Frame:
        frame: Frame = json.loads(await self._communicator.receive_from(timeout=PATIENCE_S))
        self.frames.append(frame)
        return frame

    async def until(self, condition: Callable[[Frame], Any]) -> Frame:
        """Read on to the first frame for which `condition` holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(frame := await self.next()):
                pass
        return frame

    async def say(self, request: Any) -> None:
        await self.say_raw(text=json.dumps(request))

    async def say_raw(self, *, text: str | None = None, binary: bytes | None = None) -> None:
        await self._communicator.send_input({"type": "websocket.receive", "text": text, "bytes": binary})

    def of_type(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def rows(self) -> dict[str, Frame]:
        """Return the newest row of each saga: what the page shows."""
        return {row["saga_id"]: row for frame in self.frames for row in frame.get("sagas", [])}


@asynccontextmanager
async def open_page(application: Any, query: str = "", *, headers: Any = (HOST, ORIGIN)) -> AsyncIterator[PageSocket]:
    """Connect, and leave when done."""
    communicator = WebsocketCommunicator(application, f"/ws/sagas/{query}", headers=list(headers))
    connected, _ = await communicator.connect(timeout=PATIENCE_S)
    assert connected
    yield PageSocket(communicator)
    await communicator.disconnect(timeout=PATIENCE_S)


async def is_refused(application: Any, *, headers: Any, path: str = "/ws/sagas/") -> bool:
    communicator = WebsocketCommunicator(application, path, headers=list(headers))
    connected, _ = await communicator.connect(timeout=PATIENCE_S)
    return not connected
