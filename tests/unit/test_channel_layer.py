"""How processes tell each other over Redis: silence is no trouble there, and nobody waits long for what is broken."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import create_pool, decode_hosts
from redis import Redis
from redis.exceptions import ConnectionError

from workshop import channel_layer
from workshop.channel_layer import ANSWER_S, CHECK_EVERY_S, RedisProbe, channel_layers
from workshop.config import Config

URL = "redis://redis.example:6379/0"


@pytest.fixture
def options() -> dict[str, Any]:
    """What a connection of the layer is made with, as its own library makes it out."""
    [host] = decode_hosts(channel_layers(Config(redis_url=URL))["default"]["CONFIG"]["hosts"])
    return dict(create_pool(host).connection_kwargs)


def test_the_layer_goes_where_it_is_told_to(options: dict[str, Any]) -> None:
    assert (options["host"], options["port"], options["db"]) == ("redis.example", 6379, 0)


def test_an_idle_subscription_is_not_given_up(options: dict[str, Any]) -> None:
    """redis-py 8 gives up what was silent for five seconds, unless it is told not to."""
    assert options["socket_timeout"] is None


def test_a_line_that_died_in_silence_is_noticed(options: dict[str, Any]) -> None:
    assert options["health_check_interval"] > 0
    assert options["socket_keepalive"] is True


def test_nobody_waits_long_for_a_redis_that_is_not_there(options: dict[str, Any]) -> None:
    assert options["socket_connect_timeout"] == ANSWER_S


@pytest.mark.parametrize(
    ("losses", "sent", "raised"),
    [
        pytest.param(0, 1, nullcontext(), id="nothing breaks off"),
        pytest.param(1, 2, nullcontext(), id="it breaks off"),
        pytest.param(2, 2, pytest.raises(ConnectionError), id="it breaks off again"),
    ],
)
async def test_what_breaks_off_is_said_once_more_and_no_oftener(
    losses: int, sent: int, raised: AbstractContextManager[Any]
) -> None:
    redis = FrailRedis(losses)
    async with await asyncio.start_server(redis.answer, "127.0.0.1", 0) as server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        layer = RedisPubSubChannelLayer(**channel_layers(Config(redis_url=url))["default"]["CONFIG"])
        with raised:
            await layer.group_send("board", {"type": "board.changed"})
        await layer.flush()
    assert redis.published == sent


def test_no_queue_of_the_layer_can_be_full() -> None:
    """Both other layers drop what is more than their `capacity`, a hundred; over Redis nothing is queued there."""
    assert channel_layers(Config(redis_url=URL))["default"]["BACKEND"].endswith(".pubsub.RedisPubSubChannelLayer")


async def test_inside_one_process_who_listens_is_never_forgotten() -> None:
    layer = InMemoryChannelLayer(**channel_layers(Config())["default"]["CONFIG"])
    await layer.group_add("board", "ear")
    layer.groups["board"]["ear"] = 1.0  # when it joined: half a century ago
    await layer.group_send("board", {"type": "board.changed"})
    assert layer.channels["ear"].qsize() == 1


def test_redis_is_asked_how_it_is_once_a_second_however_many_want_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [ConnectionError("it is away"), None]
    seconds = 100.0

    def ping(self: Redis) -> None:
        if trouble := answers.pop(0):
            raise trouble

    monkeypatch.setattr(Redis, "ping", ping)
    monkeypatch.setattr(channel_layer, "time", SimpleNamespace(monotonic=lambda: seconds))
    probe = RedisProbe(URL)
    assert ["it is away" in probe() for _ in range(3)] == [True] * 3
    seconds += CHECK_EVERY_S
    assert [probe() for _ in range(3)] == [""] * 3


class FrailRedis:
    """Takes what is published, after it has broken off so many times in the middle of that."""

    def __init__(self, losses: int) -> None:
        self.published = 0
        self._losses = losses

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await _next_command(reader):
            self.published += command == b"PUBLISH"
            if command == b"PUBLISH" and self.published <= self._losses:
                break
            writer.write({b"PING": b"+PONG\r\n", b"PUBLISH": b":1\r\n"}.get(command, b"+OK\r\n"))
        writer.close()


async def _next_command(reader: asyncio.StreamReader) -> bytes:
    """Return the first word of what a client says next; none when it has left."""
    words = [b""]
    for _ in range(int((await reader.readline())[1:] or 0)):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:length])
    return words[:2][-1]
