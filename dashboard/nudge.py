"""Telling every web process that the board changed."""

import asyncio
import logging
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from dashboard.hub import CHANGED, GROUP

log = logging.getLogger(__name__)


def board_changed() -> None:
    """Tell from a request's thread, where the server's loop is the one that async_to_sync uses."""
    async_to_sync(_send)()


def from_threads_of(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Return a function that tells from any thread of the web process; the in-memory layer belongs to its loop."""

    def board_changed() -> None:
        asyncio.run_coroutine_threadsafe(_send(), loop)

    return board_changed


async def _send() -> None:
    try:
        await get_channel_layer().group_send(GROUP, CHANGED)
    except Exception:
        # The layer only saves time: hubs look by themselves a second later.
        log.warning("the channel layer did not take a message", exc_info=True)
