"""A page that comes back is sent what it missed, and one that asks for older sagas gets them, each once."""

from collections.abc import Callable

import pytest
from django.db.models import F

from dashboard.live import frames, hub
from dashboard.models import Board, Saga
from dashboard.readmodel import board
from dashboard.web.sockets import TRY_AGAIN_LATER, SagaSocket
from saga.messages import Kind
from tests.support.dashboard.factories import STEPS, accept, event, finish, say, trace, undo_event
from tests.support.dashboard.socket import Server, shows
from workshop.web_server import MAX_UNSENT_BYTES

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_a_page_that_comes_back_is_sent_all_that_changed_since_and_nothing_else(server: Server) -> None:
    ids = await server.do(accept, 6)
    async with server.page() as page:
        seen = (await page.next())["seq"]
    await server.do(finish, ids[1], ids[4])
    more = await server.do(accept, 1)
    async with server.page() as page:
        snapshot = await page.next()
        await page.say({"type": "resume", "after": seen})
        delta = await page.next()
        await page.say({"type": "resume", "after": delta["seq"]})
        nothing = await page.next()
        [another] = await server.do(accept, 1)
        following = await page.next()
    assert sorted(row["saga_id"] for row in delta["sagas"]) == sorted([ids[1], ids[4], *more])
    assert (delta["type"], delta["seq"], delta["resumed"]) == ("delta", snapshot["seq"], True)
    assert "resumed" not in following
    assert (nothing["type"], nothing["resumed"]) == ("health", True)
    assert [row["saga_id"] for row in following["sagas"]] == [another]


async def test_coming_back_without_trace_brings_only_what_has_ended(server: Server) -> None:
    ids = await server.do(accept, 3)
    await server.do(finish, ids[0])
    async with server.page("?trace=off") as page:
        await page.next()
        await page.say({"type": "resume", "after": 0})
        await page.next()
    assert [row["saga_id"] for row in page.frames[1]["sagas"]] == [ids[0]]
    assert page.knows_no_steps


async def test_a_page_for_which_too_much_has_changed_is_shown_the_board_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "CATCH_UP_ROWS", 3)
    ids = await server.do(accept, 4)
    async with server.page() as page:
        await page.next()
        await page.say({"type": "resume", "after": 0})
        again = await page.next()
    assert again["type"] == "snapshot"
    assert {row["saga_id"] for row in again["sagas"]} == set(ids)


async def test_what_a_page_catches_up_with_is_far_below_what_the_server_holds_for_it(server: Server) -> None:
    [saga_id] = await server.do(accept)
    reason = "нет свободных мест " * 10
    errors = [trace(saga_id, event(Kind.RETRYING, step, attempt=9, detail={"error": reason})) for step in STEPS]
    await server.do(say, *errors, trace(saga_id, undo_event(Kind.STUCK, STEPS[0], detail={"error": reason})))
    view = await server.do(lambda: board.changes(after=0, limit=1))
    frame = frames.view("delta", view, trace=True, health=[])
    assert len(frame.encode()) * max(hub.CATCH_UP_ROWS, hub.FRAME_ROWS) < MAX_UNSENT_BYTES / 2


async def test_a_page_that_cannot_be_told_has_to_come_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    send_frame = SagaSocket.send_frame

    async def refuse_deltas(socket: SagaSocket, frame: str) -> None:
        if '"type":"delta"' in frame.replace(" ", ""):
            raise ValueError("it is too long")
        await send_frame(socket, frame)

    async with server.page() as page:
        await page.next()
        monkeypatch.setattr(SagaSocket, "send_frame", refuse_deltas)
        await server.do(accept)
        assert await page.end() == TRY_AGAIN_LATER


async def test_a_page_that_was_further_than_the_server_is_told_so_and_goes_on(server: Server) -> None:
    async with server.page() as page:
        seen = (await page.next())["seq"]
        await page.say({"type": "resume", "after": 10**30})
        answer = await page.next()
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))
    assert (answer["resumed"], answer["seq"]) == (True, seen)
    assert len(page.frames) == 3


@pytest.mark.parametrize("query", ["", "?trace=off"])
async def test_older_sagas_come_page_by_page_each_once(server: Server, query: str) -> None:
    ids = await server.do(accept, 1_003)
    running = [ids[0], ids[-1]] if query else []
    await server.do(finish, *ids[1:-1])
    async with server.page(query) as page:
        older = (await page.next())["older"]
        while older is not None:
            await page.say({"type": "older", "before": older})
            older = (await page.next())["older"]
    found = [row["saga_id"] for frame in page.frames for row in frame["sagas"]]
    assert found == [saga_id for saga_id in reversed(ids) if saga_id not in running]
    assert [frame["type"] for frame in page.frames] == ["snapshot", "page"]
    assert page.frames[1]["before"] == page.frames[0]["older"]
    assert all(("steps" in row) is not bool(query) for frame in page.frames for row in frame["sagas"])


async def test_a_page_that_knew_more_than_it_is_shown_anew_misses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SNAPSHOT_SHARED_S", 3600)
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)
    async with server.page() as one:
        await one.next()
        ids = await server.do(accept, 1)
        told_elsewhere = (await server.do(Board.current)).seq
        ids += await server.do(accept, 1)
        async with server.page() as back:
            await back.next()
            await back.say({"type": "resume", "after": told_elsewhere})
            await back.until(shows(*ids))
            assert back.rows().keys() == set(ids)


def _wipe() -> None:
    for kept in (Saga, Board):
        kept.objects.all().delete()


def _set_back() -> None:
    Board.objects.update(seq=F("seq") - 1)
    Saga.objects.order_by("-number")[:1].get().delete()


@pytest.mark.parametrize("trouble", [_wipe, _set_back])
async def test_a_board_that_another_took_the_place_of_is_shown_anew_to_everybody(
    server: Server, trouble: Callable[[], None]
) -> None:
    await server.do(accept, 3)
    async with server.page() as old:
        await old.next()
        await server.do(trouble)
        again = await old.until(lambda frame: frame["type"] == "snapshot")
        [saga_id] = await server.do(accept)
        await old.until(shows(saga_id))
    assert len(again["sagas"]) == (0 if trouble is _wipe else 2)
