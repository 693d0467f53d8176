"""Whether everything works is asked of a web server that may be in any state."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from workshop.config import Config
from workshop.readiness import find_missing

ANSWERS = {
    "nothing": b"",
    "half a line": b"HTTP/1.0",
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
