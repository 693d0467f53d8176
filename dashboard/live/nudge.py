"""Telling other processes that something changed. What it was, they read from the read model.

Web processes hear that the board changed; the backstage hears that somebody wants something of a saga, or of a service.
All of them look by themselves every second, so a message that is late, repeated or lost does no harm.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

BOARD = "board"
SAGA_WISHES = "saga-wishes"
SERVICE_WISHES = "service-wishes"
CHANGED = {"type": "board.changed"}
WANTED = {"type": "wish.written"}
PATIENCE_S = 2.0

log = logging.getLogger(__name__)
_is_away = threading.Event()


def saga_wanted() -> None:
    """Tell pages and relay, from a request's thread, where the server's loop is the one that async_to_sync uses."""
    async_to_sync(_send)({BOARD: CHANGED, SAGA_WISHES: WANTED})


def service_asked() -> None:
    """Tell pages and herald, likewise."""
    async_to_sync(_send)({BOARD: CHANGED, SERVICE_WISHES: WANTED})


def from_threads_of(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Return a function that tells of the board from any thread; the in-memory layer belongs to the process's loop."""

    def board_changed() -> None:
        if loop.is_running():  # it has ended when a process is about to
            asyncio.run_coroutine_threadsafe(_send({BOARD: CHANGED}), loop)

    return board_changed


async def _send(messages: dict[str, dict[str, str]]) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(PATIENCE_S):
            for group, message in messages.items():
                await layer.group_send(group, message)
    except Exception as trouble:
        if not _is_away.is_set():
            log.warning("the channel layer takes no messages, others look by themselves: %s", trouble)
        _is_away.set()
    else:
        _is_away.clear()
