"""Who may open a socket: programs, and our own pages."""

from typing import Any

import pytest
from channels.db import database_sync_to_async

from tests.support.dashboard.factories import accept
from tests.support.dashboard.socket import HOST, ORIGIN, Server, is_refused, open_page

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


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


@pytest.mark.parametrize(("scheme", "is_ours"), [(b"https", True), (b"http", False)], ids=["https", "http"])
async def test_behind_tls_a_page_that_came_without_it_is_not_ours(
    server: Server, settings: Any, scheme: bytes, is_ours: bool
) -> None:
    settings.HTTPS = True
    headers = (HOST, (b"origin", scheme + b"://localhost:8000"))
    assert await is_refused(server.application, headers=headers) is not is_ours


async def test_the_web_process_serves_the_socket_at_its_address() -> None:
    from workshop.asgi import application

    ids = await database_sync_to_async(accept)(2)
    async with open_page(application) as page:
        assert [row["saga_id"] for row in (await page.next())["sagas"]] == ids[::-1]
    assert await is_refused(application, headers=(HOST, (b"origin", b"http://evil.example")))


@pytest.mark.parametrize("path", ["/ws/sagas", "/ws/", "/", "/ws/sagas/x"])
async def test_a_socket_is_refused_at_every_other_address(path: str) -> None:
    from workshop.asgi import application

    assert await is_refused(application, headers=(HOST, ORIGIN), path=path)
