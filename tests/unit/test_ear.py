"""Hearing through outages: who listens once goes on listening, whatever becomes of the channel layer."""

import asyncio
import time
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from dashboard.live import ear
from dashboard.live.ear import Ear
from workshop.channel_layer import channel_layers
from workshop.config import Config

GROUP = "board"
MESSAGE = {"type": "board.changed"}
PATIENCE_S = 20


class FlakyLayer(InMemoryChannelLayer):
    """A layer that is away for some calls."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = {"new_channel": 0, "group_add": 0, "receive": 0}
        self.channels_made = 0

    def _be_away(self, call: str) -> None:
        if self.failures[call]:
            self.failures[call] -= 1
            raise ConnectionError("nobody is there")

    async def new_channel(self, prefix: str = "specific") -> str:
        self._be_away("new_channel")
        self.channels_made += 1
        return await super().new_channel(prefix)

    async def group_add(self, group: str, channel: str) -> None:
        self._be_away("group_add")
        await super().group_add(group, channel)

    async def receive(self, channel: str) -> Any:
        self._be_away("receive")
        return await super().receive(channel)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> FlakyLayer:
    monkeypatch.setattr(ear, "AGAIN_S", 0.001)
    return FlakyLayer()


async def hears(layer: FlakyLayer) -> bool:
    """Open an ear and speak to it until it hears."""
    heard = asyncio.Event()
    await Ear(layer, GROUP, heard.set).open()
    async with asyncio.timeout(PATIENCE_S):
        while not heard.is_set():
            await layer.group_send(GROUP, MESSAGE)
            await asyncio.sleep(0)
    return True


@pytest.mark.parametrize("call", ["new_channel", "group_add", "receive"])
@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_a_layer_that_comes_back_is_heard_again(layer: FlakyLayer, call: str, failures: int) -> None:
    layer.failures[call] = failures
    assert await hears(layer)


async def test_no_message_is_missed_once_the_ear_is_open(layer: FlakyLayer) -> None:
    heard: list[int] = []
    await Ear(layer, GROUP, lambda: heard.append(1)).open()
    for _ in range(3):
        await layer.group_send(GROUP, MESSAGE)
    async with asyncio.timeout(PATIENCE_S):
        while len(heard) < 3:
            await asyncio.sleep(0)


async def test_who_has_listened_for_years_still_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = InMemoryChannelLayer(**channel_layers(Config())["default"]["CONFIG"])
    heard = asyncio.Event()
    await Ear(layer, GROUP, heard.set).open()
    years_later = time.time() + 10 * 365 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: years_later)
    await layer.group_send(GROUP, MESSAGE)
    async with asyncio.timeout(PATIENCE_S):
        await heard.wait()


async def test_an_outage_is_told_once_however_long_it_lasts(
    layer: FlakyLayer, caplog: pytest.LogCaptureFixture
) -> None:
    layer.failures["group_add"] = 5
    assert await hears(layer)
    assert len(caplog.records) == 1


async def test_only_one_channel_is_used_so_that_none_fills_up_unread(layer: FlakyLayer) -> None:
    layer.failures["group_add"] = 3
    await hears(layer)
    assert layer.channels_made == 1
