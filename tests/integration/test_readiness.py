"""Whether everything works is asked of a web server that may be in any state."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from workshop import readiness
from workshop.config import Config
from workshop.readiness import find_missing, wait_until_ready

ANSWERS = {
    "nothing": b"",
    "half a line": b"HTTP/1.0",
    "another page": b"HTTP/1.0 404 Not Found\r\n\r\n<h1>Not found</h1>",
    "no JSON": b"HTTP/1.0 503 Service Unavailable\r\n\r\noh",
    "other JSON": b"HTTP/1.0 503 Service Unavailable\r\n\r\n{}",
    "a refusal that names nothing": b'HTTP/1.0 503 Service Unavailable\r\n\r\n{"dependencies": []}',
}

PARTS = {
    "one": ([("database", True, ""), ("broker", False, "no answer")], "broker (no answer)"),
    "one that says no more": ([("redis", False, "")], "redis"),
    "two": ([("broker", False, "away"), ("notifier", False, "starting")], "broker (away); notifier (starting)"),
}


@asynccontextmanager
async def answering(answer: bytes, var_dir: Path) -> AsyncIterator[Config]:
    """Have a web server that says this to whatever it is asked, and give the settings of its workshop."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        yield Config(port=server.sockets[0].getsockname()[1], var_dir=var_dir)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_web_server_that_dies_while_it_answers_is_waited_for(tmp_path: Path, answer: bytes) -> None:
    async with answering(answer, tmp_path) as config:
        assert await find_missing(config) == "the web server"


@pytest.mark.parametrize(("parts", "words"), PARTS.values(), ids=PARTS)
async def test_a_part_that_does_not_work_is_missing_and_named(
    tmp_path: Path, parts: list[tuple[str, bool, str]], words: str
) -> None:
    said = {"dependencies": [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in parts]}
    answer = b"HTTP/1.0 503 Service Unavailable\r\n\r\n" + json.dumps(said).encode()
    async with answering(answer, tmp_path) as config:
        assert await find_missing(config) == words


async def test_when_everything_works_nothing_is_missing(tmp_path: Path) -> None:
    async with answering(b'HTTP/1.0 200 OK\r\n\r\n{"ready": true}', tmp_path) as config:
        assert await find_missing(config) == ""


@pytest.mark.parametrize(
    ("patience_s", "told"),
    [pytest.param(-1.0, ["broker", "notifier", "broker"], id="too long"), pytest.param(3600.0, [], id="in time")],
)
async def test_what_is_missing_for_too_long_is_told_once_whenever_it_is_something_else(
    monkeypatch: pytest.MonkeyPatch, patience_s: float, told: list[str]
) -> None:
    missing = iter([*["broker"] * 4, *["notifier"] * 3, "web", *["broker"] * 2, ""])

    async def find_next(config: Config) -> str:
        return next(missing)

    monkeypatch.setattr(readiness, "find_missing", find_next)
    monkeypatch.setattr(readiness, "CHECK_EVERY_S", 0.0)
    monkeypatch.setattr(readiness, "REPORT_AFTER_S", patience_s)
    reports: list[str] = []
    await wait_until_ready(Config(), reports.append)
    assert reports == [f"still waiting for {name}" for name in told]
