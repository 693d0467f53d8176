"""A frame that no page would send is answered, does nothing, and the socket lives on."""

import json
from typing import Any

import pytest

from dashboard.web import sockets
from dashboard.web.sockets import MAX_REQUEST_CHARS
from tests.support.dashboard.refusals import MEGABYTE
from tests.support.dashboard.socket import Server

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


FRAMES: dict[str, dict[str, Any]] = {
    "a megabyte": {"text": "x" * MEGABYTE},
    "a megabyte of JSON": {"text": json.dumps({"type": "trace-mode", "enabled": False, "why": "x" * MEGABYTE})},
    "a byte too many": {"text": '{"type":"trace-mode","enabled":false}'.ljust(MAX_REQUEST_CHARS + 1)},
    "a binary frame": {"binary": b'{"type":"trace-mode","enabled":false}'},
    "a binary megabyte": {"binary": bytes(MEGABYTE)},
    "an empty frame": {"text": ""},
    "garbage": {"text": "\x00\x01 garbage }{"},
    "cut off": {"text": '{"type":"trace-mode"'},
    "deep nesting": {"text": "[" * 900},
    "a lone surrogate": {"text": '{"type":"\\ud800"}'},
    "an array": {"text": "[1,2]"},
    "null": {"text": "null"},
    "no type": {"text": '{"enabled":false}'},
    "an unknown type": {"text": '{"type":"drop-tables"}'},
    "a type that is a list": {"text": '{"type":["resume"]}'},
    "a snapshot": {"text": '{"type":"snapshot","sagas":[]}'},
    "resume after a word": {"text": '{"type":"resume","after":"x"}'},
    "resume after true": {"text": '{"type":"resume","after":true}'},
    "resume after false": {"text": '{"type":"resume","after":false}'},
    "resume after null": {"text": '{"type":"resume","after":null}'},
    "resume after less than nothing": {"text": '{"type":"resume","after":-1}'},
    "resume after a half": {"text": '{"type":"resume","after":1.5}'},
    "resume after what is no number": {"text": '{"type":"resume","after":NaN}'},
    "resume after infinity": {"text": '{"type":"resume","after":1e999}'},
    "resume after nothing": {"text": '{"type":"resume"}'},
    "older than a word": {"text": '{"type":"older","before":"x"}'},
    "older than true": {"text": '{"type":"older","before":true}'},
    "older than less than nothing": {"text": '{"type":"older","before":-1}'},
    "trace mode of one": {"text": '{"type":"trace-mode","enabled":1}'},
    "trace mode of a word": {"text": '{"type":"trace-mode","enabled":"off"}'},
    "trace mode of null": {"text": '{"type":"trace-mode","enabled":null}'},
    "trace mode of nothing": {"text": '{"type":"trace-mode"}'},
}


async def test_a_frame_that_is_no_request_is_refused_and_the_socket_lives_on(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        for name, frame in FRAMES.items():
            await page.say_raw(**frame)
            answer = await page.next()
            assert answer["type"] == "error", name
            assert "ignored" in answer["detail"], name
        await page.say({"type": "trace-mode", "enabled": False})
        assert (await page.next())["trace"] is False


@pytest.mark.parametrize(
    "query", ["?trace=maybe", "?trace", "?trace=off&trace=on", "?" + "x" * 5000, "?%ff%00", "?trace=%F0%9F%98%80"]
)
async def test_a_socket_with_an_odd_address_is_opened_with_trace(server: Server, query: str) -> None:
    async with server.page(query) as page:
        assert (await page.next())["trace"] is True


async def test_pages_older_than_any_number_are_everything_or_nothing(server: Server) -> None:
    async with server.page() as page:
        await page.next()
        for before in (0, 10**30):
            await page.say({"type": "older", "before": before})
            assert await page.next() == {"type": "page", "before": before, "sagas": [], "older": None}


async def test_a_socket_that_does_not_stop_asking_is_told_so_and_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "REQUESTS_PER_MINUTE", 3)
    async with server.page() as flood, server.page() as page:
        for _ in range(10):
            await flood.say({"type": "trace-mode", "enabled": True})
        last = await flood.until(lambda frame: frame["type"] == "error")
        assert "3 requests a minute" in last["detail"]
        assert await flood.is_closed_with(1008)
        await page.say({"type": "trace-mode", "enabled": False})
        assert (await page.until(lambda frame: not frame["trace"]))["type"] == "snapshot"
