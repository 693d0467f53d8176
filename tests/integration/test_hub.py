"""Whom the hub shows the board, and how often it reads it for them."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError

from dashboard.live import hub
from tests.support.dashboard.socket import Listener, Server

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_a_page_that_leaves_while_the_board_is_read_for_it_is_shown_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, being_read, go_on = hub.snapshot, asyncio.Event(), asyncio.Event()

    async def read_slowly(*, trace: bool) -> Any:
        being_read.set()
        await go_on.wait()
        return await read(trace=trace)

    monkeypatch.setattr(hub, "snapshot", read_slowly)
    listener = Listener()
    joining = asyncio.create_task(server.hub.join(listener))
    await being_read.wait()
    server.hub.leave(listener)
    go_on.set()
    await joining
    assert listener.frames == []


async def test_while_the_board_cannot_be_read_one_attempt_is_made_for_all_who_come(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[bool] = []

    async def fail(*, trace: bool) -> None:
        attempts.append(trace)
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(hub, "QUIET_CHECK_S", 3600)
    monkeypatch.setattr(hub, "snapshot", fail)
    pages = [Listener() for _ in range(3)]
    for page in pages:
        await server.hub.join(page)
    assert attempts == [True]
    assert [len(page.frames) for page in pages] == [1] * 3  # how the parts are
