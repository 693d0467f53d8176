"""What a page is sent over its socket: first everything, then every change, no gap and no repeat."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer
from channels.routing import URLRouter
from django.db import OperationalError, connection
from django.urls import path

from dashboard import hub as hubs
from dashboard import services
from dashboard.guards import SameOriginSocket
from dashboard.health import Health
from dashboard.hub import CHANGED, GROUP, Hub
from dashboard.models import Board
from dashboard.sockets import SagaSocket
from saga.messages import Kind
from tests.dash_factories import accept, completion, event, finish, life_of, say, trace
from tests.dash_socket import HOST, ORIGIN, Frame, PageSocket, is_refused, open_page

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class Server:
    """A web process: its layer, its hub, and the database as its threads use it."""

    def __init__(self) -> None:
        self.layer = InMemoryChannelLayer()
        self.health = Health()
        self.hub = Hub(self.layer, self.health)
        self.application = SameOriginSocket(URLRouter([path("ws/sagas/", SagaSocket.as_asgi(hub=self.hub))]))

    def page(self, query: str = "") -> Any:
        return open_page(self.application, query)

    async def do(self, action: Callable[..., Any], *args: Any) -> Any:
        """Change the board, and say nothing to the layer."""
        return await database_sync_to_async(action)(*args)

    async def nudge(self) -> None:
        await self.layer.group_send(GROUP, CHANGED)

    @asynccontextmanager
    async def broken_database(self) -> AsyncIterator[None]:
        def refuse(*_: Any) -> None:
            raise OperationalError("disk I/O error")

        await self.do(lambda: connection.execute_wrappers.append(refuse))
        yield
        await self.do(lambda: connection.execute_wrappers.remove(refuse))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(hubs, "FRAME_INTERVAL_S", 0)
    monkeypatch.setattr(hubs, "QUIET_CHECK_S", 0.02)
    return Server()


def shows(*saga_ids: str, status: str | None = None) -> Callable[[Frame], bool]:
    """Return the condition that a frame brings the last of these sagas, in this status."""
    return lambda frame: any(
        row["saga_id"] == saga_ids[-1] and status in (None, row["status"]) for row in frame.get("sagas", [])
    )


async def test_the_first_frame_is_everything(server: Server) -> None:
    ids = await server.do(accept, 3)
    await server.do(services.ensure_rows, (400, 3000))
    async with server.page() as page:
        first = await page.next()
    assert (first["type"], first["trace"]) == ("snapshot", True)
    assert [row["saga_id"] for row in first["sagas"]] == ids[::-1]
    assert {service["name"] for service in first["services"]} == {"provisioner", "authorizer", "notifier"}
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
    monkeypatch.setattr(hubs, "FRAME_ROWS", 4)
    async with server.page() as page:
        await page.next()
        ids = await server.do(accept, 10)
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


async def test_two_pages_see_the_same(server: Server) -> None:
    async with server.page() as one, server.page() as other:
        ids = await server.do(accept, 3)
        await server.do(finish, *ids[::-1])
        await one.until(shows(ids[0], status="completed"))
        await other.until(shows(ids[0], status="completed"))
    assert one.rows() == other.rows()
    assert [row["finished"] for row in one.rows().values()] == [3, 2, 1]


async def test_a_page_that_comes_while_much_happens_misses_nothing(server: Server) -> None:
    async with server.page() as early:
        before = await server.do(accept, 5)
        async with server.page() as late:
            after = await server.do(accept, 5)
            await late.until(shows(after[-1]))
        await early.until(shows(after[-1]))
    assert set(late.rows()) == set(early.rows()) == {*before, *after}


async def test_news_alone_are_enough(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "QUIET_CHECK_S", 3600)
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


# Trace Mode


def knows_no_steps(page: PageSocket) -> bool:
    rows = [row for frame in page.frames for row in frame.get("sagas", [])]
    return bool(rows) and not [row for row in rows if "steps" in row or row["status"] != "completed"]


async def test_without_trace_only_what_has_ended_is_sent_and_no_step_of_it(server: Server) -> None:
    before, during, never = await server.do(accept, 3)
    await server.do(say, *life_of(before), life_of(never)[1])
    async with server.page("?trace=off") as page:
        assert [row["saga_id"] for row in (await page.next())["sagas"]] == [before]
        await server.do(say, *life_of(during)[:4], life_of(never)[2])
        await server.do(say, *life_of(during)[4:])
        await page.until(shows(during))
    assert knows_no_steps(page)
    assert never not in page.rows()


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
    assert knows_no_steps(page)
    assert other.rows()[saga_id]["steps"][0]["status"] == "done"


# Coming back


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
        [another] = await server.do(accept, 1)
        following = await page.next()
    assert sorted(row["saga_id"] for row in delta["sagas"]) == sorted([ids[1], ids[4], *more])
    assert (delta["type"], delta["seq"]) == ("delta", snapshot["seq"])
    assert [row["saga_id"] for row in following["sagas"]] == [another]


async def test_coming_back_without_trace_brings_only_what_has_ended(server: Server) -> None:
    ids = await server.do(accept, 3)
    await server.do(finish, ids[0])
    async with server.page("?trace=off") as page:
        await page.next()
        await page.say({"type": "resume", "after": 0})
        await page.next()
    assert [row["saga_id"] for row in page.frames[1]["sagas"]] == [ids[0]]
    assert knows_no_steps(page)


async def test_a_page_that_was_further_than_the_server_is_sent_nothing_and_goes_on(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        await page.say({"type": "resume", "after": 10**30})
        ids = await server.do(accept, 1)
        await page.until(shows(*ids))
    assert len(page.frames) == 2


# Older pages


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
    assert all(("steps" in row) is not bool(query) for frame in page.frames for row in frame["sagas"])


# Health


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
        await page.until(shows(*ids))
    assert "disk I/O error" in told["health"][0]["detail"]
    assert page.frames[-1]["health"][0]["ok"]


async def test_health_reaches_every_page_whatever_it_has_seen(server: Server) -> None:
    async with server.page() as one, server.page() as other:
        await one.next()
        await server.do(accept)
        await other.say({"type": "trace-mode", "enabled": False})
        server.health.watch("broker", lambda: "it did not answer")
        await server.do(accept)
        for page in (one, other):
            await page.until(lambda frame: [part for part in frame["health"] if part["name"] == "broker"])


# One page, or the layer, in trouble


class Listener:
    trace = True
    seen = 0

    def __init__(self) -> None:
        self.frames: list[str] = []

    async def send_frame(self, frame: str) -> None:
        self.frames.append(frame)


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
    assert delta["seq"] == (await server.do(Board.objects.get)).seq


# Who may open a socket

REFUSED = {
    "a page of another site": (HOST, (b"origin", b"http://evil.example")),
    "a page of another port": (HOST, (b"origin", b"http://localhost:9999")),
    "a page without a name": (HOST, (b"origin", b"null")),
    "an origin that is none": (HOST, (b"origin", b"http://[")),
    "an empty origin": (HOST, (b"origin", b"")),
    "a host that is not ours": ((b"host", b"evil.example"), (b"origin", b"http://evil.example")),
    "no host": (ORIGIN,),
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
async def test_a_socket_is_refused_to(server: Server, headers: Any) -> None:
    assert await is_refused(server.application, headers=headers)


@pytest.mark.parametrize("headers", [(HOST,), (HOST, ORIGIN)], ids=["a program", "our own page"])
async def test_a_socket_is_opened_for(server: Server, headers: Any) -> None:
    async with open_page(server.application, headers=headers) as page:
        assert (await page.next())["type"] == "snapshot"


async def test_the_web_process_serves_the_socket_at_its_address() -> None:
    from workshop.asgi import application

    ids = await database_sync_to_async(accept)(2)
    async with open_page(application) as page:
        assert [row["saga_id"] for row in (await page.next())["sagas"]] == ids[::-1]
    assert await is_refused(application, headers=(HOST, (b"origin", b"http://evil.example")))
