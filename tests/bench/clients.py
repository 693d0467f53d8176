"""Browsers without a screen: they keep the board as the page does, or they stop reading."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.client import connect

SPAWN = multiprocessing.get_context("spawn")
JOIN_S = 20.0
PATH = "/ws/sagas/"

Known = tuple[str, int | None]
"""What a client knows of a saga: its status, and its place among the finished."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a client has seen. `delays_ms`: from a frame's own time to its receipt; `repeats`: frames out of order."""

    sagas: dict[str, Known] = field(default_factory=dict)
    delays_ms: list[float] = field(default_factory=list)
    repeats: int = 0
    completed: int = 0
    seq: int = -1

    def take(self, frame: dict[str, Any], *, received_at: float) -> None:
        if frame["type"] == "delta":
            self.delays_ms.append(1000 * (received_at - datetime.fromisoformat(frame["now"]).timestamp()))
            self.repeats += frame["seq"] <= self.seq
        self.seq = frame["seq"]
        self.sagas |= {saga["saga_id"]: (saga["status"], saga["finished"]) for saga in frame.get("sagas", ())}
        self.completed = frame.get("counters", {}).get("completed", self.completed)

    def has_all(self, count: int) -> bool:
        return self.completed >= count and sum(status == "completed" for status, _ in self.sagas.values()) >= count


@contextmanager
def readers(port: int, number: int, *, until: int, within_s: float) -> Iterator[list[Connection]]:
    """Run clients that read until `until` sagas have completed; each sends what it has seen when it is done.

    A process each, as browsers are: what one takes to read must not delay another one.
    """
    pipes = [SPAWN.Pipe(duplex=False) for _ in range(number)]
    told = (port, until, within_s)
    processes = [SPAWN.Process(target=_read, args=(sender, *told), daemon=True) for _, sender in pipes]
    try:
        for process in processes:
            process.start()
        for receiver, _ in pipes:
            if not receiver.poll(JOIN_S) or receiver.recv() != "joined":
                raise ConnectionError("a client of the bench could not connect")
        yield [receiver for receiver, _ in pipes]
    finally:
        for process in processes:
            process.kill()


@contextmanager
def sleeper(port: int) -> Iterator[socket.socket]:
    """Connect a client that reads nothing more once it is connected."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        head = "\r\n".join((f"GET {PATH} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, key, "", ""))
        connection.sendall(head.encode())
        if b" 101 " not in connection.recv(64):
            raise ConnectionError("the client that is to sleep could not connect")
        yield connection


def _read(sender: Connection, port: int, until: int, within_s: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender.send(asyncio.run(_follow(sender, port, until, within_s)))
    os._exit(0)


async def _follow(sender: Connection, port: int, until: int, within_s: float) -> Seen:
    seen = Seen()
    async with connect(f"ws://127.0.0.1:{port}{PATH}", max_size=None, max_queue=None) as connection:
        sender.send("joined")
        with suppress(TimeoutError):  # what is missing will be counted
            async with asyncio.timeout(within_s):
                while not seen.has_all(until):
                    text = await connection.recv()
                    received_at = time.time()
                    seen.take(json.loads(text), received_at=received_at)
    return seen
