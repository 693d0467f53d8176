"""One per web process: listens to the channel layer once, reads what changed once, encodes once, tells every socket.

A message on the layer says only that the board changed. What changed is read from the read model, so a message that is
late, repeated or lost does no harm: the next one, or the next second, brings the same.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Protocol

from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer
from django.db import DatabaseError

from dashboard.backstage.health import Health
from dashboard.live import frames
from dashboard.live.ear import Ear
from dashboard.live.nudge import BOARD
from dashboard.readmodel import board

FRAME_INTERVAL_S = 0.1
SNAPSHOT_SHARED_S = 0.1
QUIET_CHECK_S = 1.0
# A page that hears nothing for much longer takes its line for dead, and opens another one.
LONGEST_SILENCE_S = 8.0
# Of rows of any size, these many are far below what the server holds for one socket.
FRAME_ROWS = 2_000
CATCH_UP_ROWS = 2_000

log = logging.getLogger(__name__)

changes = database_sync_to_async(board.changes)
changed_more_than = database_sync_to_async(board.changed_more_than)
snapshot = database_sync_to_async(board.snapshot)
page = database_sync_to_async(board.page)


class Listener(Protocol):
    """A socket: whether it traces, and how much of the board it has seen."""

    trace: bool
    seen: int

    async def send_frame(self, frame: str) -> None: ...

    async def turn_away(self) -> None:
        """Close it, so that its page comes back and catches up."""


class Snapshot(NamedTuple):
    run: str
    seq: int
    frame: str
    read_at: float


class Hub:
    def __init__(self, layer: BaseChannelLayer, health: Health) -> None:
        self._changed = asyncio.Event()
        self._ear = Ear(layer, BOARD, self._changed.set)
        self._report = database_sync_to_async(health.report)
        self._health: list[dict[str, Any]] = []
        self._listeners: set[Listener] = set()
        self._waiting: set[Listener] = set()
        self._snapshots: dict[bool, Snapshot] = {}
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._shown_run = ""
        self._seq = 0
        self._ask_health_at = 0.0
        self._speak_by = 0.0

    async def join(self, listener: Listener) -> None:
        """Send the snapshot, and from then on every change; while the board cannot be read, say so first."""
        async with self._turn:
            await self._start()
            await self._show_all(listener)

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._waiting.discard(listener)

    async def set_trace(self, listener: Listener, enabled: bool) -> None:
        async with self._turn:
            listener.trace = enabled
            await self._show_all(listener)

    async def resume(self, listener: Listener, after: int) -> None:
        """Send what changed since the listener went away; if that is too much to catch up with, the board anew.

        There is always an answer: only then does the listener know that all since that moment has been told.
        """
        async with self._turn:
            if listener in self._listeners:
                # Another web process may have told it more than the snapshot has that it was shown here.
                after = min(after, listener.seen)
            # That it is too much is soon known; to read so much takes long, and every page would wait.
            is_much = await changed_more_than(CATCH_UP_ROWS, after=after)
            view = None if is_much else await changes(after=after, limit=CATCH_UP_ROWS)
            if is_much or (view and view.is_cut):
                await self._show_all(listener)
            elif view:
                frame = frames.view("delta", view, trace=listener.trace, health=self._health, resumed=True)
                await listener.send_frame(frame)
                listener.seen = max(listener.seen, view.seq)
            else:
                await listener.send_frame(frames.health(self._seq, self._health, resumed=True))

    async def send_older(self, listener: Listener, before: int) -> None:
        rows, older = await page(before=before, filters=board.visible(trace=listener.trace))
        await listener.send_frame(frames.older(rows, older, before=before, trace=listener.trace))

    async def _show_all(self, listener: Listener) -> None:
        others_wait = bool(self._waiting)
        self._listeners.discard(listener)
        self._waiting.add(listener)
        try:
            if not others_wait:  # an attempt may take seconds, and everybody waits for everybody's
                return await self._send_snapshot(listener)
        except DatabaseError as trouble:
            log.warning("a page cannot be shown the board yet: %s", trouble)
        await self._send(listener, frames.health(self._seq, self._health))

    async def _send_snapshot(self, listener: Listener) -> None:
        shown = await self._snapshot_for(trace=listener.trace)
        if listener not in self._waiting:
            return  # it has left in the meantime
        if not self._listeners:
            self._shown_run, self._seq = shown.run, shown.seq
            self._break_silence()
        self._waiting.discard(listener)
        self._listeners.add(listener)
        await self._send(listener, shown.frame)
        listener.seen = shown.seq

    async def _snapshot_for(self, *, trace: bool) -> Snapshot:
        """Return the board, read once for all who come at the same moment, as a class does; the next delta goes on."""
        now, known = time.monotonic(), self._snapshots.get(trace)
        if known and known.seq >= self._seq and now - known.read_at < SNAPSHOT_SHARED_S:
            return known
        view = await snapshot(trace=trace)
        frame = frames.view("snapshot", view, trace=trace, health=self._health)
        self._snapshots[trace] = Snapshot(view.run or "", view.seq, frame, time.monotonic())
        return self._snapshots[trace]

    async def _start(self) -> None:
        if self._task is None:
            self._health = await self._report()
            await self._ear.open()
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._wait_for_change()
            began, has_told_sagas = time.monotonic(), True
            async with self._turn_that_may_fail():
                has_told_sagas = await self._tell_changes()
            # Afterwards: to ask all parts takes as long as to tell of a click, and would make that one wait.
            async with self._turn_that_may_fail():
                await self._tell_health()
            if has_told_sagas:
                await asyncio.sleep(began + FRAME_INTERVAL_S - time.monotonic())

    @asynccontextmanager
    async def _turn_that_may_fail(self) -> AsyncIterator[None]:
        """Go on after whatever trouble: a hub that ended would leave every page standing still."""
        try:
            async with self._turn:
                yield
        except DatabaseError as trouble:
            log.warning("the board cannot be read: %s", trouble)
        except Exception:
            log.exception("unexpected error; telling again")

    async def _wait_for_change(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), QUIET_CHECK_S)
        self._changed.clear()

    async def _tell_changes(self) -> bool:
        """Return whether sagas were told of: no click waits for the pace after a service's beat."""
        if not (self._listeners or self._waiting):
            return False
        for listener in list(self._waiting):
            await self._send_snapshot(listener)
        try:
            view = await changes(after=self._seq, limit=FRAME_ROWS, run=self._shown_run)
        except board.AnotherBoard:
            log.warning("the board is another one than was shown, or an older one; showing it anew")
            self._show_everybody_anew()
            return False
        if view is None:
            return False
        self._seq = view.seq
        if view.is_cut:
            self._changed.set()  # nobody else wakes us for the rest
        await self._tell_view(view)
        return bool(view.sagas)

    def _show_everybody_anew(self) -> None:
        self._waiting |= self._listeners
        self._listeners.clear()
        self._snapshots.clear()
        self._changed.set()

    async def _tell_health(self) -> None:
        """Once a second, whether the board could be read or not: this is how a page learns that it cannot be.

        After a silence it is told even if it is no news: this is how a page learns that its line is alive.
        """
        if not (self._listeners or self._waiting) or time.monotonic() < self._ask_health_at:
            return
        self._ask_health_at = time.monotonic() + QUIET_CHECK_S
        health, self._health = self._health, await self._report()
        if health != self._health:
            self._snapshots.clear()
        elif time.monotonic() < self._speak_by:
            return
        self._break_silence()
        for listener in [*self._listeners, *self._waiting]:
            await self._send(listener, frames.health(self._seq, self._health))

    def _break_silence(self) -> None:
        self._speak_by = time.monotonic() + LONGEST_SILENCE_S

    async def _tell_view(self, view: board.View) -> None:
        ready: dict[bool, str] = {}
        self._break_silence()
        for listener in [one for one in self._listeners if one.seen < view.seq]:
            if listener.trace not in ready:
                ready[listener.trace] = frames.view("delta", view, trace=listener.trace, health=self._health)
            await self._send(listener, ready[listener.trace])
            listener.seen = view.seq

    async def _send(self, listener: Listener, frame: str) -> None:
        try:
            await listener.send_frame(frame)
        except Exception:
            # One page's trouble must not keep the news from the others.
            log.warning("a page could not be told, and has to come back", exc_info=True)
            self.leave(listener)
            with suppress(Exception):  # whoever has gone already cannot be sent away
                await listener.turn_away()
