"""What a page is sent over its socket: first everything, then every change, no gap and no repeat."""

import pytest

from dashboard.live import hub
from dashboard.models import Board, DeadLetter, Saga
from dashboard.readmodel import services
from saga.topics import SERVICES
from tests.support.dashboard.factories import accept, finish, letter, life_of, say
from tests.support.dashboard.socket import Server, shows

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


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


async def test_only_sagas_that_are_not_sent_yet_are_counted_as_waiting(server: Server) -> None:
    ids = await server.do(accept, 3)
    await server.do(lambda: Saga.objects.filter(saga_id=ids[0]).update(fed_offset=0))
    await server.do(finish, ids[1])
    async with server.page() as page:
        counters = (await page.next())["counters"]
    assert (counters["running"], counters["waiting"]) == (2, 1)
