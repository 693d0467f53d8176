"""What a page is told when something is broken, and that one page's trouble is not another's."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from django.db import InterfaceError

from dashboard.live import frames, hub
from dashboard.models import Board
from dashboard.web.metrics import REGISTRY
from dashboard.web.sockets import TRY_AGAIN_LATER
from saga.messages import Kind
from tests.support.dashboard.factories import accept, completion, event, say, trace
from tests.support.dashboard.socket import PATIENCE_S, Listener, PageSocket, Server, shows

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_the_page_is_told_when_something_breaks_and_when_it_works_again(server: Server) -> None:
    troubles = ["it did not answer"]
    async with server.page() as page:
        await page.next()
        server.health.watch("broker", lambda: "".join(troubles))
        broken = await page.until(lambda frame: frame["type"] == "health")
        troubles.clear()
        works = await page.until(lambda frame: frame["type"] == "health")
    assert {"name": "broker", "ok": False, "detail": "it did not answer"} in broken["health"]
    assert all(one["ok"] for one in works["health"])


async def test_who_comes_later_is_told_what_is_broken(server: Server) -> None:
    server.health.watch("broker", lambda: "it did not answer")
    async with server.page() as page:
        assert [one["name"] for one in (await page.next())["health"] if not one["ok"]] == ["broker"]


async def test_the_page_is_told_when_the_database_does_not_answer_and_catches_up_after(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        async with server.broken_database():
            told = await page.until(lambda frame: frame["type"] == "health")
        ids = await server.do(accept, 1)
        news = await page.until(shows(*ids))
        if not news["health"][0]["ok"]:  # how the parts are is asked after what is new
            await page.until(lambda frame: frame["health"][0]["ok"])
    assert "disk I/O error" in told["health"][0]["detail"]


async def test_what_is_new_is_told_before_anybody_asks_how_the_parts_are(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)  # so the parts are asked once, when there is something to tell
    told, asked = threading.Event(), threading.Event()
    was_told: list[bool] = []

    def slow() -> str:
        was_told.append(told.wait(PATIENCE_S))
        asked.set()
        return ""

    async with server.page() as page:
        await page.next()
        server.health.watch("slow", slow)
        ids = await server.do(accept, 1)
        await server.nudge()
        await page.until(shows(*ids))
        told.set()
        await asyncio.to_thread(asked.wait, PATIENCE_S)
    assert was_told == [True]


async def test_pages_opened_while_the_database_does_not_answer_are_told_so_and_shown_all_later(server: Server) -> None:
    ids = await server.do(accept, 3)
    async with AsyncExitStack() as opened:
        async with server.broken_database():
            pages = [await opened.enter_async_context(server.page()) for _ in range(2)]
            told = [await page.until(lambda frame: not frame["health"][0]["ok"]) for page in pages]
        shown = [await page.until(lambda frame: frame["type"] == "snapshot") for page in pages]
    assert all("disk I/O error" in frame["health"][0]["detail"] for frame in told)
    assert [[row["saga_id"] for row in frame["sagas"]] for frame in shown] == [ids[::-1]] * 2


async def test_a_switch_made_while_the_database_does_not_answer_is_done_later(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        async with server.broken_database():
            await page.say({"type": "trace-mode", "enabled": False})
            await page.until(lambda frame: not frame["health"][0]["ok"])
        shown = await page.until(lambda frame: frame["type"] == "snapshot")
    assert not shown["trace"]


async def test_what_cannot_be_sent_now_is_left_to_the_next_connection(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        async with server.broken_database():
            await page.say({"type": "resume", "after": 0})
            assert await page.end() == TRY_AGAIN_LATER


async def test_health_reaches_every_page_whatever_it_has_seen(server: Server) -> None:
    async with server.page() as one, server.page() as other:
        await one.next()
        await server.do(accept)
        await other.say({"type": "trace-mode", "enabled": False})
        server.health.watch("broker", lambda: "it did not answer")
        await server.do(accept)
        for page in (one, other):
            await page.until(lambda frame: [part for part in frame["health"] if part["name"] == "broker"])


class Broken(Listener):
    """Takes the snapshot, and breaks at what comes next."""

    async def send_frame(self, frame: str) -> None:
        if self.frames:
            raise ConnectionResetError("gone")
        await super().send_frame(frame)


async def test_a_page_that_breaks_does_not_keep_the_news_from_the_others(server: Server) -> None:
    broken = [Broken() for _ in range(5)]
    async with server.page() as page:
        for listener in broken:
            await server.hub.join(listener)
        for _ in range(2):
            ids = await server.do(accept, 1)
            await page.until(shows(*ids))
    assert [len(listener.frames) for listener in broken] == [1] * 5


async def test_a_page_that_left_is_sent_no_more(server: Server) -> None:
    listener = Listener()
    await server.hub.join(listener)
    async with server.page() as page:
        server.hub.leave(listener)
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))
    assert len(listener.frames) == 1


async def test_a_layer_that_fails_costs_time_and_no_news(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(channel: str) -> None:
        raise ConnectionError("Redis is away")

    monkeypatch.setattr(server.layer, "receive", fail)
    async with server.page() as page:
        for _ in range(2):
            ids = await server.do(accept, 1)
            await page.until(shows(*ids))


async def test_a_probe_that_fails_does_not_end_the_hub(server: Server) -> None:
    def fail() -> str:
        raise ValueError("the list of processes is no JSON")

    async with server.page() as page:
        await page.next()
        server.health.watch("broker", fail)
        await server.do(accept)
        server.health.watch("broker", lambda: "")
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))


async def test_a_board_that_nobody_watches_is_not_read_and_is_whole_for_the_next(server: Server) -> None:
    async with server.page() as page:
        await page.next()
    ids = await server.do(accept, 3)
    async with server.page() as page:
        assert len((await page.next())["sagas"]) == 3
        await server.do(say, trace(ids[0], event(Kind.RECEIVED, "provision")), completion(ids[1]))
        delta = await page.next()
    assert sorted(row["saga_id"] for row in delta["sagas"]) == sorted(ids[:2])
    assert delta["seq"] == (await server.do(Board.current)).seq


async def test_after_a_silence_a_page_hears_that_its_line_is_alive(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LONGEST_SILENCE_S", 0.1)
    async with server.page() as page:
        first = await page.next()
        words = [await page.next() for _ in range(2)]
    assert {word["type"] for word in words} == {"health"}
    assert [word["health"] for word in words] == [first["health"]] * 2


def test_what_is_no_character_does_not_keep_a_frame_from_being_sent() -> None:
    frame = frames.health(1, [{"name": "disk", "ok": False, "detail": "no place for \udcff: Δίσκος"}])
    assert "no place for ?: Δίσκος" in frame.encode().decode()


async def end_by_the_server(page: PageSocket) -> None:
    page.cancel()


async def end_by_an_error(page: PageSocket) -> None:
    await page.say({"type": "older", "before": 5})


@pytest.mark.parametrize("end", [end_by_the_server, end_by_an_error])
async def test_a_socket_that_ends_out_of_order_is_left_and_counted_no_more(
    server: Server, monkeypatch: pytest.MonkeyPatch, end: Callable[[PageSocket], Awaitable[None]]
) -> None:
    async def fail(**_: Any) -> None:
        raise InterfaceError("the connection is closed")

    monkeypatch.setattr(hub, "page", fail)
    left: list[Any] = []
    monkeypatch.setattr(server.hub, "leave", left.append)
    before = REGISTRY.get_sample_value("saga_workshop_sockets")
    with suppress(InterfaceError, asyncio.CancelledError):
        async with server.page() as page:
            await page.next()
            assert REGISTRY.get_sample_value("saga_workshop_sockets") == before + 1
            await end(page)
            await page.is_over()
    assert len(left) == 1
    assert REGISTRY.get_sample_value("saga_workshop_sockets") == before
