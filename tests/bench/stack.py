"""A whole run of the workshop on a free port with a state directory of its own, as `make run` starts it."""

import json
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from tests.bench.options import Options
from tests.bench.parts import Parts
from tests.bench.proc import children, cpu_seconds, family_cpu_seconds
from tests.environment import without_settings

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0
STOP_S = 20.0
LOOK_EVERY_S = 0.02
MOST_AT_ONCE = 10_000
READY = "Saga Workshop is ready"

ReadModel = sqlite3.Connection | psycopg.Connection[Any]


class BenchFailed(Exception):
    """Raised when something that is to be measured did not happen in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A run that was started; `ready_after_s` is what its person waited for the line with the URL."""

    port: int
    state_dir: Path
    parts: Parts
    supervisor: subprocess.Popen[bytes]
    ready_after_s: float
    read_model: ReadModel

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
        """Return the API's answer to a GET, or to a POST of `body`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def onboard(self, count: int) -> list[str]:
        """Start onboardings, and return the ids of the sagas."""
        counts = [min(MOST_AT_ONCE, count - start) for start in range(0, count, MOST_AT_ONCE)]
        return [saga_id for some in counts for saga_id in self.ask("/api/sagas", {"count": some})["saga_ids"]]

    def sagas(self) -> dict[str, dict[str, Any]]:
        """Return the rows of all sagas by id, as the API has them."""
        after, sagas = "", dict[str, dict[str, Any]]()
        while after is not None:
            page: dict[str, Any] = self.ask(f"/api/sagas?limit=1000{after and f'&after={after}'}")
            sagas |= {saga["saga_id"]: saga for saga in page["sagas"]}
            after = page["next"]
        return sagas

    def broken_invariants(self) -> list[dict[str, Any]]:
        return [check for check in self.ask("/api/invariants")["checks"] if not check["ok"]]

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("/readyz")["ready"])
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False

    def ended(self) -> int:
        """Return how many sagas have ended: read past the web server, which has enough to do while we measure."""
        row = self.read_model.execute("SELECT ended FROM dashboard_board").fetchone()
        return int(row[0]) if row else 0

    def pids(self) -> dict[str, int]:
        """Return the process ids of the run by name, its parts' not among them."""
        table = json.loads((self.state_dir / "run" / "processes.json").read_text())
        named = {"supervisor": self.supervisor.pid, **{process["name"]: process["pid"] for process in table}}
        helpers = [pid for pid in children(self.supervisor.pid) if pid not in named.values()]
        return named | {f"helper {number}": pid for number, pid in enumerate(helpers, start=1)}

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that each process has used, its parts' too."""
        own = {name: cpu_seconds(pid) for name, pid in self.pids().items()}
        return own | {name: family_cpu_seconds(pid) for name, pid in self.parts.pids.items()}


@contextmanager
def running(state_dir: Path, parts: Parts, **settings: object) -> Iterator[Stack]:
    """Start a run and wait until it says that it is ready; end it, and all its processes, afterwards."""
    port = _free_port()
    log = state_dir / "bench.log"
    # MAKELEVEL: a supervisor below make ends when whoever started it has, so nothing survives us.
    given = {"VAR_DIR": state_dir, "PORT": port, "MAKELEVEL": 1, **parts.settings, **settings}
    environment = without_settings() | {name: str(value) for name, value in given.items()}
    started = time.monotonic()
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            **{"cwd": ROOT, "env": environment, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output},
            start_new_session=True,  # Ctrl-C is for the bench alone, which then ends the run in order
        )
    try:
        wait_for(lambda: READY in log.read_text() or supervisor.poll() is not None, within_s=START_S, what="a start")
        if supervisor.poll() is not None:
            raise BenchFailed(f"the run did not start: {log.read_text()[-2000:]}")
        took = time.monotonic() - started
        about = {"port": port, "state_dir": state_dir, "parts": parts, "supervisor": supervisor}
        with closing(_read_model(state_dir, parts)) as read_model:
            yield Stack(ready_after_s=took, read_model=read_model, **about)
    finally:
        _end(supervisor)


@contextmanager
def running_beside(parts: Parts, **settings: object) -> Iterator[Stack]:
    """The same with these parts, in a directory that is gone afterwards."""
    with TemporaryDirectory(prefix="saga-bench-") as directory, running(Path(directory), parts, **settings) as stack:
        yield stack


@contextmanager
def running_anew(options: Options, **settings: object) -> Iterator[Stack]:
    """The same from nothing."""
    with options.parts() as parts, running_beside(parts, **settings) as stack:
        yield stack


def wait_for(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Return when `condition` holds. Raises BenchFailed."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed(f"{what} took longer than {within_s:g} s")
        time.sleep(LOOK_EVERY_S)


def _read_model(state_dir: Path, parts: Parts) -> ReadModel:
    if url := parts.settings.get("DATABASE_URL"):
        return psycopg.connect(url, autocommit=True)
    return sqlite3.connect(f"file:{state_dir}/dashboard.sqlite3?mode=ro", uri=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.terminate()
    try:
        supervisor.wait(STOP_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()  # its children notice and end as well
        supervisor.wait()
