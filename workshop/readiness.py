"""Asks the web server whether everything works, as anybody could: over HTTP."""

import asyncio
import json
from collections.abc import Callable

from workshop.config import Config

CHECK_EVERY_S = 0.1
REPORT_AFTER_S = 5.0
"""How long the same things may be missing before that is worth a line."""
ANSWER_WITHIN_S = 5.0


async def wait_until_ready(config: Config, report: Callable[[str], None]) -> None:
    """Return when everything works; until then `report` what is still missing, once whenever that has changed."""
    loop = asyncio.get_running_loop()
    missing, since, reported = "", loop.time(), ""
    while now_missing := await find_missing(config):
        if now_missing != missing:
            missing, since = now_missing, loop.time()
        elif missing != reported and loop.time() - since > REPORT_AFTER_S:
            report(f"still waiting for {missing}")
            reported = missing
        await asyncio.sleep(CHECK_EVERY_S)


async def find_missing(config: Config) -> str:
    """Return, in words, what does not work yet; an empty text when everything does."""
    try:
        status, body = await asyncio.wait_for(_get(config, "/readyz"), ANSWER_WITHIN_S)
        return "" if status == 200 else _in_words(body) or "the web server"
    except (OSError, ValueError, LookupError):  # not up yet, or not able to answer yet
        return "the web server"


def _in_words(body: bytes) -> str:
    failing = [part for part in json.loads(body)["dependencies"] if not part["ok"]]
    return "; ".join(f"{part['name']} ({part['detail']})" if part["detail"] else part["name"] for part in failing)


async def _get(config: Config, path: str) -> tuple[int, bytes]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)
    reader, writer = await asyncio.open_connection(host, config.port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), body
    finally:
        writer.close()
