"""The web server by itself: how long a frame may be, and that it ends in order, with what has been asked answered."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import connect

from tests.support.system.live import free_port
from workshop.web_server import MAX_FRAME_BYTES, MAX_UNSENT_BYTES

ROOT = Path(__file__).parents[2]
# SIGTERM comes while the application answers on a thread, which needs the server's loop once more after that.
ENDING = """
import asyncio, os, signal, sys, threading
from asgiref.sync import async_to_sync, sync_to_async
from workshop.web_server import BoundedServer  # before the reactor, which it chooses
from twisted.internet import reactor

is_ending = threading.Event()

def answer():
    os.kill(os.getpid(), signal.SIGTERM)
    is_ending.wait()
    async_to_sync(asyncio.sleep)(0.2)

async def application(scope, receive, send):
    await sync_to_async(answer)()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answered"})

def ready():
    reactor.addSystemEventTrigger("before", "shutdown", is_ending.set)
    print("ready", flush=True)

endpoint = f"tcp:port={sys.argv[1]}:interface=127.0.0.1"
BoundedServer(application=application, endpoints=[endpoint], ready_callable=ready).run()
"""
TALKING = """
import sys
from workshop.web_server import MAX_UNSENT_BYTES, BoundedServer

async def application(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "x" * (MAX_UNSENT_BYTES // 2)})
    await receive()

endpoint = f"tcp:port={sys.argv[1]}:interface=127.0.0.1"
BoundedServer(application=application, endpoints=[endpoint], ready_callable=lambda: print("ready", flush=True)).run()
"""
ENDS_WITHIN_S = 20.0


@contextmanager
def serving(program: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a server, and give it with its place on this machine."""
    port = free_port()
    serve = [sys.executable, "-c", program, str(port)]
    with subprocess.Popen(serve, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            yield server, f"127.0.0.1:{port}/"
        finally:
            server.kill()


def test_a_request_under_way_is_answered_and_holds_no_end_up() -> None:
    with serving(ENDING) as (server, place):
        with urllib.request.urlopen(f"http://{place}", timeout=ENDS_WITHIN_S) as given:
            assert given.read() == b"answered"
        assert server.wait(ENDS_WITHIN_S) == 0


def test_a_page_may_be_told_more_at_once_than_it_may_say() -> None:
    with serving(TALKING) as (_, place), connect(f"ws://{place}", max_size=None) as socket:
        assert len(socket.recv(timeout=ENDS_WITHIN_S)) == MAX_UNSENT_BYTES // 2
        with suppress(ConnectionClosed):
            socket.send("x" * (MAX_FRAME_BYTES + 1))
        with pytest.raises(ConnectionClosedError):  # the reason may be lost with what was not read
            socket.recv(timeout=ENDS_WITHIN_S)
