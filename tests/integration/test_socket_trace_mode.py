"""With Trace Mode off, the server does not even send the steps."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from dashboard.live import frames, hub
from tests.support.dashboard.factories import accept, finish, life_of, no_progress, say, stuck_undo, way_back_of
from tests.support.dashboard.socket import Server, shows

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_without_trace_only_what_has_ended_is_sent_and_no_step_of_it(server: Server) -> None:
    before, during, under_way = await server.do(accept, 3)
    await server.do(say, *life_of(before), life_of(under_way)[1])
    async with server.page("?trace=off") as page:
        assert [row["saga_id"] for row in (await page.next())["sagas"]] == [before]
        await server.do(say, *life_of(during)[:4], life_of(under_way)[2])
        await server.do(say, *life_of(during)[4:])
        await page.until(shows(during))
    assert page.knows_no_steps
    assert page.statuses == [(before, "completed"), (during, "completed")]


async def test_without_trace_a_saga_that_gets_stuck_is_sent_and_from_then_on_what_becomes_of_it(server: Server) -> None:
    [saga_id] = await server.do(accept)
    async with server.page("?trace=off") as page:
        await page.next()
        for said in way_back_of(saga_id)[:7]:
            await server.do(say, said)
        await server.do(say, stuck_undo(saga_id))
        await page.until(shows(saga_id, status="stuck"))
        await server.do(say, *way_back_of(saga_id)[7:])
        await page.until(shows(saga_id, status="compensated"))
    assert page.knows_no_steps
    assert page.statuses == [(saga_id, "stuck"), (saga_id, "compensated")]


async def test_without_trace_a_stuck_saga_is_there_from_the_first_frame(server: Server) -> None:
    stuck, _ = await server.do(accept, 2)
    await server.do(say, no_progress(stuck, since=1))
    async with server.page("?trace=off") as page:
        first = await page.next()
    assert page.statuses == [(stuck, "stuck")]
    assert page.knows_no_steps
    assert first["counters"]["stuck"] == 1


async def test_without_trace_a_saga_under_way_changes_no_row_but_is_counted(server: Server) -> None:
    async with server.page("?trace=off") as page:
        await page.next()
        await server.do(accept, 2)
        delta = await page.next()
    assert (delta["sagas"], delta["counters"]["running"]) == ([], 2)


async def test_switching_brings_a_new_snapshot_of_what_may_be_seen(server: Server) -> None:
    ended, under_way = await server.do(accept, 2)
    await server.do(finish, ended)
    async with server.page() as page:
        await page.next()
        await page.say({"type": "trace-mode", "enabled": False})
        off = await page.next()
        await page.say({"type": "trace-mode", "enabled": True})
        on = await page.next()
    assert (off["type"], off["trace"], [row["saga_id"] for row in off["sagas"]]) == ("snapshot", False, [ended])
    assert "steps" not in off["sagas"][0]
    assert (on["type"], on["trace"], [row["saga_id"] for row in on["sagas"]]) == ("snapshot", True, [under_way, ended])
    assert all(row["steps"] for row in on["sagas"])


async def test_switching_holds_for_what_comes_after(server: Server) -> None:
    [saga_id] = await server.do(accept)
    async with server.page() as page, server.page() as other:
        await page.next()
        await page.say({"type": "trace-mode", "enabled": False})
        await page.until(lambda frame: frame["trace"] is False)
        page.frames.clear()
        for said in life_of(saga_id):
            await server.do(say, said)
        await page.until(shows(saga_id))
        await other.until(shows(saga_id, status="completed"))
    assert page.knows_no_steps
    assert other.rows()[saga_id]["steps"][0]["status"] == "done"


async def test_a_change_is_encoded_once_for_all_who_trace_and_once_for_all_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[str, bool]] = []

    def encode(kind: str, view: Any, *, trace: bool, **more: Any) -> str:
        encoded.append((kind, trace))
        return as_ever(kind, view, trace=trace, **more)

    as_ever = frames.view
    monkeypatch.setattr(frames, "view", encode)
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)  # so it looks once, when it is told
    [saga_id] = await server.do(accept)
    async with AsyncExitStack() as opened:
        queries = ["", "", "", "?trace=off", "?trace=off"]
        pages = [await opened.enter_async_context(server.page(query)) for query in queries]
        for page in pages:
            await page.next()
        encoded.clear()
        await server.do(finish, saga_id)
        await server.nudge()
        for page in pages:
            await page.until(shows(saga_id, status="completed"))
    assert sorted(encoded) == [("delta", False), ("delta", True)]
