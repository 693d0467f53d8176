"""Whether everything works is asked of a web server that may be in any state."""

import asyncio
from pathlib import Path

import pytest

from workshop.config import Config
from workshop.readiness import find_missing

ANSWERS = {
    "nothing": b"",
    "half a line": b"HTTP/1.0",
    "no JSON": b"HTTP/1.0 503 Service Unavailable\r\n\r\noh",
    "other JSON": b"HTTP/1.0 503 Service Unavailable\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_web_server_that_dies_while_it_answers_is_waited_for(tmp_path: Path, answer: bytes) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        config = Config(port=server.sockets[0].getsockname()[1], var_dir=tmp_path)
        assert await find_missing(config) == "the web server"
