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
from tests.support.system.live import PATIENCE_S, free_port
from workshop.config import ROOT

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

    @property
    def pid(self) -> int:
        return self._process.pid

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


class PostgresServer:
    """A PostgreSQL with the databases of the compose file; `settings` lead to them. It can be stopped and restarted."""

    def __init__(self, *, fsync: str = "off") -> None:
        self._fsync = fsync
        self._tools = _postgres_tools()
        # Not below pytest's directories: those are closed to the user that the server needs if we are root.
        self._directory = Path(tempfile.mkdtemp(prefix="workshop-postgres-"))
        self._quiet: dict[str, Any] = {
            "cwd": self._directory,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        if os.geteuid() == 0:
            shutil.chown(self._directory, "postgres", "postgres")
            self._quiet |= {"user": "postgres", "group": "postgres"}
        self._port, self._data = free_port(), self._directory / "data"
        place = f"postgresql://{USER}@127.0.0.1:{self._port}"
        self.settings = {"DATABASE_URL": f"{place}/dashboard", "LEDGER_DATABASE_URL": f"{place}/ledger_{{service}}"}
        make = (self._tools / "initdb", "--no-sync", "--auth", "trust", "--username", USER, "--pgdata", self._data)
        subprocess.run(make, check=True, **self._quiet)
        self.start()
        _create_databases(self._tools, self._port)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": self._directory}
        flags = [
            flag for name, value in {**options, "fsync": self._fsync}.items() for flag in ("-c", f"{name}={value}")
        ]
        self._process = subprocess.Popen((self._tools / "postgres", "-D", self._data, *flags), **self._quiet)
        ask = (self._tools / "pg_isready", "--host", "127.0.0.1", "--port", str(self._port))
        eventually(lambda: not subprocess.run(ask, capture_output=True).returncode, within_s=START_S)

    def stop_at_once(self) -> None:
        """End it as a crash does, except that it takes its children along: killed, it would leave them behind."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def remove(self) -> None:
        self.stop_at_once()
        shutil.rmtree(self._directory)


@contextmanager
def postgres_server() -> Iterator[dict[str, str]]:
    """Run a PostgreSQL; give the settings that lead to its databases."""
    server = PostgresServer()
    try:
        yield server.settings
    finally:
        server.remove()


def _postgres_tools() -> Path:
    # Debian keeps them out of the way, a directory for each version.
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    if not found:
        raise CannotStart("PostgreSQL is not installed")
    return found[-1]


def _create_databases(tools: Path, port: int) -> None:
    place = ("--host", "127.0.0.1", "--port", str(port), "--username", USER)
    subprocess.run((tools / "createdb", *place, "dashboard"), capture_output=True, check=True)
    create_ledgers(port)


def create_ledgers(port: int) -> None:
    """Run what creates them, as it is run anywhere."""
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "POSTGRES_USER": USER, "POSTGRES_DB": "dashboard"}
    script = (ROOT / "deploy" / "postgres" / "create-ledgers.sh",)
    subprocess.run(script, env=os.environ | place, capture_output=True, check=True)


class OpenPage:
    """A page's socket, and what the page would show."""

    def __init__(self, socket: ClientConnection) -> None:
        self.rows: dict[str, Any] = {}
        self.counters: dict[str, int] = {}
        self._socket = socket
        self._read(within_s=START_S)

    def until(self, condition: Callable[[dict[str, Any]], bool], *, within_s: float = PATIENCE_S) -> None:
        """Read on until the rows, by saga id, are such."""
        deadline = time.monotonic() + within_s
        while not condition(self.rows):
            self._read(within_s=deadline - time.monotonic())

    def _read(self, *, within_s: float) -> None:
        frame = json.loads(self._socket.recv(timeout=max(0.0, within_s)))
        self.rows |= {row["saga_id"]: row for row in frame.get("sagas", [])}
        self.counters |= frame.get("counters", {})


@contextmanager
def open_page(url: str) -> Iterator[OpenPage]:
    with connect(f"{url.replace('http', 'ws', 1)}/ws/sagas/", origin=url, max_size=None) as socket:
        yield OpenPage(socket)
