"""The web server ends in order: what has been asked is answered, and nothing keeps the process from ending."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.live import free_port

ROOT = Path(__file__).parents[2]
# SIGTERM comes while the application answers on a thread, which needs the server's loop once more after that.
SERVER = """
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
ENDS_WITHIN_S = 20.0


def test_a_request_under_way_is_answered_and_holds_no_end_up() -> None:
    port = free_port()
    serve = [sys.executable, "-c", SERVER, str(port)]
    with subprocess.Popen(serve, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=ENDS_WITHIN_S) as given:
                assert given.read() == b"answered"
            assert server.wait(ENDS_WITHIN_S) == 0
        finally:
            server.kill()
