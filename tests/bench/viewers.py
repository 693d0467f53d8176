"""Hundreds of browsers in few processes: each has a connection of its own and remembers what came, and when.

All are sent the same texts, so a text is kept once, and decoded only when everything is over: the machine that measures
is the one that is measured.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.clients import PATH

SPAWN = multiprocessing.get_context("spawn")
PROCESSES = 4
JOIN_S = 60.0
ANSWER_S = 60.0
HEAD_BYTES = 128
"""Of a frame's text: its type, number and time. Texts that differ hardly ever differ only after that."""

Receipt = tuple[int, float]
"""Which text came, and when (seconds since 1970)."""


@dataclass
class Watched:
    """What the viewers of one process were sent: the texts, and the receipts of each viewer in their order.

    `joined_s` is how long it took until each was sent its first one.
    """

    texts: list[bytes] = field(default_factory=list)
    receipts: list[list[Receipt]] = field(default_factory=list)
    joined_s: float = 0.0

    @cached_property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]


@contextmanager
def viewers(port: int, number: int) -> Iterator[list[Connection]]:
    """Run so many viewers; ask them by `what_they_saw`."""
    pipes = [SPAWN.Pipe() for _ in range(PROCESSES)]
    shares = [len(range(first, number, PROCESSES)) for first in range(PROCESSES)]
    processes = [
        SPAWN.Process(target=_watch, args=(far, port, share), daemon=True)
        for (_, far), share in zip(pipes, shares, strict=True)
    ]
    try:
        for process in processes:
            process.start()
        for near, _ in pipes:
            if not near.poll(JOIN_S) or near.recv() != "joined":
                raise ConnectionError("the viewers could not connect")
        yield [near for near, _ in pipes]
    finally:
        for process in processes:
            process.kill()


def what_they_saw(pipes: list[Connection]) -> list[Watched]:
    """Let all of them stop, and return what they were sent."""
    for pipe in pipes:
        pipe.send("stop")
    if not all(pipe.poll(ANSWER_S) for pipe in pipes):
        raise ConnectionError("the viewers do not tell what they saw")
    return [pipe.recv() for pipe in pipes]


def _watch(pipe: Connection, port: int, number: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench hears Ctrl-C, and ends its viewers
    pipe.send(asyncio.run(_follow(pipe, port, number)))
    os._exit(0)


async def _follow(pipe: Connection, port: int, number: int) -> Watched:
    memory, began = _Memory(), time.monotonic()
    viewers = await asyncio.gather(*[_join(port, memory) for _ in range(number)])
    memory.watched.joined_s = time.monotonic() - began
    tasks = [asyncio.create_task(_receive(*viewer, memory)) for viewer in viewers]
    pipe.send("joined")
    await asyncio.to_thread(pipe.recv)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return memory.watched


class _Memory:
    def __init__(self) -> None:
        self.watched = Watched()
        self._known: dict[bytes, int] = {}

    def number_of(self, text: bytes) -> int:
        known = self._known.get(text[:HEAD_BYTES])
        if known is None or self.watched.texts[known] != text:
            known = self._known[text[:HEAD_BYTES]] = len(self.watched.texts)
            self.watched.texts.append(text)
        return known


async def _join(port: int, memory: _Memory) -> tuple[ClientConnection, list[Receipt]]:
    """Connect, and wait for the first rows."""
    limits: dict[str, Any] = {"open_timeout": JOIN_S, "ping_interval": None, "max_size": None, "max_queue": None}
    viewer = await connect(f"ws://127.0.0.1:{port}{PATH}", compression=None, **limits)
    receipts: list[Receipt] = []
    memory.watched.receipts.append(receipts)
    receipts.append(await _receipt(viewer, memory))
    return viewer, receipts


async def _receive(viewer: ClientConnection, receipts: list[Receipt], memory: _Memory) -> None:
    while True:
        receipts.append(await _receipt(viewer, memory))


async def _receipt(viewer: ClientConnection, memory: _Memory) -> Receipt:
    text = await viewer.recv(decode=False)
    at = time.time()
    return memory.number_of(text), at
