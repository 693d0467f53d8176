"""Hearing a group of the channel layer for as long as the process lives, through every outage of the layer."""

import asyncio
import logging
from collections.abc import Callable

from channels.layers import BaseChannelLayer

AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Ear:
    """Calls `heard` for each message to the group. What is said while the layer is away is never heard."""

    def __init__(self, layer: BaseChannelLayer, group: str, heard: Callable[[], object]) -> None:
        self._layer = layer
        self._group = group
        self._heard = heard
        self._channel: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_away = False

    async def open(self) -> None:
        """Return when the group is joined, or the layer has been found away; then it is tried again meanwhile."""
        has_joined = await self._try_to_join()
        self._task = asyncio.create_task(self._run(has_joined))

    async def _run(self, has_joined: bool) -> None:
        while True:
            while not has_joined:
                await asyncio.sleep(AGAIN_S)
                has_joined = await self._try_to_join()
            try:
                # Never given up half-way: the layer would take that for the end of the channel.
                await self._layer.receive(self._channel)
                self._heard()
            except Exception as trouble:
                self._tell_once("the channel layer cannot be heard: %s", trouble)
                has_joined = False

    async def _try_to_join(self) -> bool:
        try:
            # The same channel each time: messages would pile up in one that nobody reads.
            self._channel = self._channel or await self._layer.new_channel()
            await self._layer.group_add(self._group, self._channel)
        except Exception as trouble:
            self._tell_once("the channel layer cannot be joined: %s", trouble)
            return False
        self._is_away = False
        return True

    def _tell_once(self, sentence: str, trouble: Exception) -> None:
        if not self._is_away:
            log.warning(sentence, trouble)
        self._is_away = True
