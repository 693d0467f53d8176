"""What a page is sent over its socket: first everything, then every change, no gap and no repeat."""

import pytest

from dashboard.live import frames, hub
from dashboard.models import Board, DeadLetter, Saga
from dashboard.readmodel import board, services
from saga.messages import Kind
from saga.topics import SERVICES
from tests.dash_factories import STEPS, accept, event, finish, letter, life_of, say, trace, undo_event
from tests.dash_socket import Server, shows
from workshop.web_server import MAX_UNSENT_BYTES

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


async def test_the_first_frame_is_everything(server: Server) -> None:
    ids = await server.do(accept, 3)
    await server.do(services.ensure_rows, (400, 3000))
    async with server.page() as page:
        first = await page.next()
    assert (first["type"], first["trace"]) == ("snapshot", True)
    assert [row["saga_id"] for row in first["sagas"]] == ids[::-1]
    assert {service["name"] for service in first["services"]} == set(SERVICES)
    assert (first["counters"]["running"], first["older"]) == (3, None)
    assert first["health"] == [{"name": "database", "ok": True, "detail": ""}]


async def test_then_comes_each_change_with_an_increasing_seq(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        [saga_id] = await server.do(accept)
        for said in life_of(saga_id):
            await server.do(say, said)
        await page.until(shows(saga_id, status="completed"))
    assert {frame["type"] for frame in page.frames[1:]} == {"delta"}
    numbers = [frame["seq"] for frame in page.frames]
    assert numbers == sorted(set(numbers))
    assert page.frames[-1]["counters"]["completed"] == 1


async def test_a_delta_brings_only_what_changed(server: Server) -> None:
    ids = await server.do(accept, 5)
    async with server.page() as page:
        await page.next()
        await server.do(finish, ids[2])
        delta = await page.next()
    assert [row["saga_id"] for row in delta["sagas"]] == [ids[2]]


async def test_many_changes_come_in_frames_of_bounded_size(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "FRAME_ROWS", 4)
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)
    async with server.page() as page:
        await page.next()
        ids = await server.do(accept, 10)
        await server.nudge()
        await page.until(shows(ids[-1]))
    assert [row["saga_id"] for frame in page.frames for row in frame["sagas"]] == ids
    assert max(len(frame["sagas"]) for frame in page.frames) == 4


async def test_a_change_of_a_service_is_told(server: Server) -> None:
    await server.do(services.ensure_rows, (400, 3000))
    async with server.page() as page:
        await page.next()
        await server.do(lambda: services.change("notifier", running=False))
        [told] = (await page.next())["services"]
    assert (told["name"], told["running"]) == ("notifier", False)


async def test_what_is_told_of_a_service_does_not_delay_a_saga(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await server.do(services.ensure_rows, (400, 3000))
    monkeypatch.setattr(hub, "FRAME_INTERVAL_S", 3600)
    async with server.page() as page:
        await page.next()
        await server.do(lambda: services.change("notifier", running=False))
        await page.until(lambda frame: frame["services"])
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))


async def test_two_pages_see_the_same(server: Server) -> None:
    async with server.page() as one, server.page() as other:
        ids = await server.do(accept, 3)
        await server.do(finish, *ids[::-1])
        await one.until(shows(ids[0], status="completed"))
        await other.until(shows(ids[0], status="completed"))
    assert one.rows() == other.rows()
    assert [one.rows()[saga_id]["finished"] for saga_id in ids] == [3, 2, 1]


async def test_a_page_that_comes_while_much_happens_misses_nothing(server: Server) -> None:
    async with server.page() as early:
        before = await server.do(accept, 5)
        async with server.page() as late:
            after = await server.do(accept, 5)
            await late.until(shows(after[-1]))
        await early.until(shows(after[-1]))
    assert set(late.rows()) == set(early.rows()) == {*before, *after}


async def test_pages_that_come_at_once_are_shown_one_reading_of_the_board(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SNAPSHOT_SHARED_S", 3600)
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)
    async with server.page() as one:
        first = await one.next()
        ids = await server.do(accept, 1)
        async with server.page() as other:
            assert await other.next() == first
            await server.nudge()
            await other.until(shows(*ids))
        await one.until(shows(*ids))
        async with server.page() as late:
            assert [row["saga_id"] for row in (await late.next())["sagas"]] == ids


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


async def test_news_alone_are_enough(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)
    async with server.page() as page:
        await page.next()
        ids = await server.do(accept, 1)
        await server.nudge()
        await page.until(shows(*ids))


async def test_lost_news_are_made_good_by_the_next_look(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))


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


async def test_a_board_begun_anew_has_another_name(server: Server) -> None:
    names = []
    for _ in range(2):
        await server.do(lambda: [rows.objects.all().delete() for rows in (Board, Saga)])
        await server.do(accept)
        for _ in range(2):
            async with server.page() as page:
                names.append((await page.next())["run"])
    assert names[0] == names[1] != names[2] == names[3]


async def test_only_dead_letters_that_are_still_listed_are_counted(server: Server) -> None:
    await server.do(lambda: say(letters=[letter(offset=offset) for offset in (1, 2)]))
    await server.do(lambda: DeadLetter.objects.filter(offset=1).delete())  # as retention does
    async with server.page() as page:
        assert (await page.next())["counters"]["dead_letters"] == 1
