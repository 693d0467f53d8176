"""The real parts of the stack for tests: PostgreSQL and Redis from the system's packages, on free ports."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.eventually import eventually
from tests.live import free_port

ROOT = Path(__file__).resolve().parent.parent
START_S = 30.0
USER = "workshop"


class CannotStart(Exception):
    """Raised when this machine lacks something; the message says what."""


class RedisServer:
    """A Redis that can be killed, and started again at the same port."""

    def __init__(self) -> None:
        if not shutil.which("redis-server"):
            raise CannotStart("redis-server is not installed")
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        command = ("redis-server", "--bind", "127.0.0.1", "--port", str(self._port), "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        eventually(self._answers, within_s=START_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "Redis has ended"
        return not subprocess.run(("redis-cli", "-p", str(self._port), "ping"), capture_output=True).returncode


@contextmanager
def postgres_server() -> Iterator[dict[str, str]]:
    """Run a PostgreSQL with the databases of the compose file; give the settings that lead to them."""
    tools = _postgres_tools()
    # Not below pytest's directories: those are closed to the user that the server needs if we are root.
    directory = Path(tempfile.mkdtemp(prefix="workshop-postgres-"))
    unprivileged = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if unprivileged:
        shutil.chown(directory, **unprivileged)
    port, data = free_port(), directory / "data"
    quiet: dict[str, Any] = {"cwd": directory, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    make = (tools / "initdb", "--no-sync", "--auth", "trust", "--username", USER, "--pgdata", data)
    subprocess.run(make, check=True, **quiet, **unprivileged)
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": directory, "fsync": "off"}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    with subprocess.Popen((tools / "postgres", "-D", data, *flags), **quiet, **unprivileged) as server:
        try:
            _create_databases(tools, port)
            place = f"postgresql://{USER}@127.0.0.1:{port}"
            yield {"DATABASE_URL": f"{place}/dashboard", "LEDGER_DATABASE_URL": f"{place}/ledger_{{service}}"}
        finally:
            # At once, but in order: killed, it would leave its children behind.
            server.send_signal(signal.SIGQUIT)
    shutil.rmtree(directory)


def _postgres_tools() -> Path:
    # Debian keeps them out of the way, a directory for each version.
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    if not found:
        raise CannotStart("PostgreSQL is not installed")
    return found[-1]


def _create_databases(tools: Path, port: int) -> None:
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "POSTGRES_USER": USER, "POSTGRES_DB": "dashboard"}
    create = (tools / "createdb", "--username", USER, "dashboard")
    run: dict[str, Any] = {"env": os.environ | place, "capture_output": True}
    eventually(lambda: not subprocess.run(create, **run).returncode, within_s=START_S)
    subprocess.run((ROOT / "deploy" / "postgres" / "create-ledgers.sh",), check=True, **run)


class OpenPage:
    """A page's socket, and what the page would show."""

    def __init__(self, socket: ClientConnection) -> None:
        self.rows: dict[str, Any] = {}
        self._socket = socket
        self._read(within_s=START_S)

    def until(self, condition: Callable[[dict[str, Any]], bool], *, within_s: float = START_S) -> None:
        """Read on until the rows, by saga id, are such."""
        deadline = time.monotonic() + within_s
        while not condition(self.rows):
            self._read(within_s=deadline - time.monotonic())

    def _read(self, *, within_s: float) -> None:
        frame = json.loads(self._socket.recv(timeout=max(0.0, within_s)))
        self.rows |= {row["saga_id"]: row for row in frame.get("sagas", [])}


@contextmanager
def open_page(url: str) -> Iterator[OpenPage]:
    with connect(f"{url.replace('http', 'ws', 1)}/ws/sagas/", origin=url, max_size=None) as socket:
        yield OpenPage(socket)
