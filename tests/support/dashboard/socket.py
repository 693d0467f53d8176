"""Both ends of the page's socket, in process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import OperationalError, connection
from django.urls import path

from dashboard.backstage.health import Health
from dashboard.live import hub
from dashboard.live.hub import Hub
from dashboard.live.nudge import BOARD, CHANGED
from dashboard.web.guards import SameOriginSocket
from dashboard.web.sockets import SagaSocket

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

    async def end(self) -> int:
        """Read on until the server closes the socket, and return the code that it gives."""
        async with asyncio.timeout(PATIENCE_S):
            while (said := await self._communicator.receive_output(timeout=PATIENCE_S))["type"] != "websocket.close":
                pass
        return int(said["code"])

    async def say(self, request: Any) -> None:
        await self.say_raw(text=json.dumps(request))

    async def say_raw(self, *, text: str | None = None, binary: bytes | None = None) -> None:
        await self._communicator.send_input({"type": "websocket.receive", "text": text, "bytes": binary})

    async def is_closed_with(self, code: int) -> bool:
        """Return whether the server has closed the socket, with this code, and said nothing more before."""
        end = await self._communicator.receive_output(timeout=PATIENCE_S)
        return (end["type"], end.get("code")) == ("websocket.close", code)

    def cancel(self) -> None:
        """Give the application up, as the server does with one that does not end."""
        self._communicator.future.cancel()

    async def is_over(self) -> None:
        """Wait for the end of the application. Raises what ended it."""
        await asyncio.wait_for(self._communicator.future, PATIENCE_S)

    @property
    def knows_no_steps(self) -> bool:
        rows = [row for frame in self.frames for row in frame.get("sagas", [])]
        return bool(rows) and not [row for row in rows if "steps" in row]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """Return (saga id, status) of every row that was sent, in order."""
        return [(row["saga_id"], row["status"]) for frame in self.frames for row in frame.get("sagas", [])]

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


class Listener:
    """What the hub knows of a page."""

    trace = True
    seen = 0

    def __init__(self) -> None:
        self.frames: list[str] = []

    async def send_frame(self, frame: str) -> None:
        self.frames.append(frame)


class Server:
    """A web process that looks often: its layer, its hub, and the database as its threads use it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "FRAME_INTERVAL_S", 0)
        monkeypatch.setattr(hub, "SNAPSHOT_SHARED_S", 0)
        monkeypatch.setattr(hub, "QUIET_CHECK_S", 0.02)
        self.layer = InMemoryChannelLayer()
        self.health = Health()
        self.hub = Hub(self.layer, self.health)
        self.application = SameOriginSocket(URLRouter([path("ws/sagas/", SagaSocket.as_asgi(hub=self.hub))]))

    def page(self, query: str = "") -> Any:
        return open_page(self.application, query)

    async def do(self, action: Callable[..., Any], *args: Any) -> Any:
        """Change the board, and say nothing to the layer."""
        return await database_sync_to_async(action)(*args)

    async def nudge(self) -> None:
        await self.layer.group_send(BOARD, CHANGED)

    @asynccontextmanager
    async def broken_database(self) -> AsyncIterator[None]:
        def refuse(*_: Any) -> None:
            raise OperationalError("disk I/O error")

        await self.do(lambda: connection.execute_wrappers.append(refuse))
        yield
        await self.do(lambda: connection.execute_wrappers.remove(refuse))


def shows(*saga_ids: str, status: str | None = None) -> Callable[[Frame], bool]:
    """Return the condition that a frame brings the last of these sagas, in this status."""
    return lambda frame: any(
        row["saga_id"] == saga_ids[-1] and status in (None, row["status"]) for row in frame.get("sagas", [])
    )
