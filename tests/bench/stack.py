"""A whole run of the workshop on a free port with a state directory of its own, as `make run` starts it."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
STOP_S = 20.0
LOOK_EVERY_S = 0.02
MOST_AT_ONCE = 10_000
READY = "Saga Workshop is ready"


class BenchFailed(Exception):
    """Raised when something that is to be measured did not happen in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A run that was started; `ready_after_s` is what its person waited for the line with the URL."""

    port: int
    state_dir: Path
    supervisor: subprocess.Popen[bytes]
    ready_after_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
        """Return the API's answer to a GET, or to a POST of `body`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def onboard(self, count: int) -> None:
        for start in range(0, count, MOST_AT_ONCE):
            self.ask("/api/sagas", {"count": min(MOST_AT_ONCE, count - start)})

    def ended(self) -> int:
        """Return how many sagas have ended: read past the web server, which has enough to do while we measure."""
        with closing(sqlite3.connect(f"file:{self.state_dir}/dashboard.sqlite3?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT ended FROM dashboard_board").fetchone()[0])

    def pids(self) -> dict[str, int]:
        """Return the process ids of the run by name."""
        table = json.loads((self.state_dir / "run" / "processes.json").read_text())
        return {"supervisor": self.supervisor.pid, **{process["name"]: process["pid"] for process in table}}


@contextmanager
def running(state_dir: Path, **settings: object) -> Iterator[Stack]:
    """Start a run and wait until it says that it is ready; end it, and all its processes, afterwards."""
    port = _free_port()
    log = state_dir / "bench.log"
    # MAKELEVEL: a supervisor below make ends when whoever started it has, so nothing survives us.
    given = {"VAR_DIR": state_dir, "PORT": port, "MAKELEVEL": 1, **settings}
    environment = os.environ | {name: str(value) for name, value in given.items()}
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
        yield Stack(port=port, state_dir=state_dir, supervisor=supervisor, ready_after_s=took)
    finally:
        _end(supervisor)


@contextmanager
def running_anew(**settings: object) -> Iterator[Stack]:
    """The same from nothing, in a directory that is gone afterwards."""
    with TemporaryDirectory(prefix="saga-bench-") as directory, running(Path(directory), **settings) as stack:
        yield stack


def wait_for(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Return when `condition` holds. Raises BenchFailed."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed(f"{what} took longer than {within_s:g} s")
        time.sleep(LOOK_EVERY_S)


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
