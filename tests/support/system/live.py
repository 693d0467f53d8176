"""The real thing for tests: `manage.py run` on a free port, with a state directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.environment import without_settings
from tests.eventually import eventually
from workshop.config import ROOT

PATIENCE_S = 90.0
STOPS_WITHIN_S = 20.0
ENDS = ("completed", "compensated")
UNDER_WAY = ("running", "compensating")
OF_ANOTHER_RUN = ("MAKELEVEL", "WORKSHOP_LEASH")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiveWorkshop:
    """A run of the whole workshop. `settings` are environment variables."""

    def __init__(self, var_dir: Path, **settings: str) -> None:
        self.var_dir = var_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output: list[str] = []
        self._settings = settings

    def start(self) -> "LiveWorkshop":
        """Start it, and wait until everything works."""
        self.launch()
        eventually(self._is_ready, within_s=PATIENCE_S)
        return self

    def launch(self) -> None:
        self.output.clear()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    def start_more(self, *command: str, **settings: str) -> "subprocess.Popen[bytes]":
        """Start one more process of this workshop, which no supervisor keeps: `consume authorizer`, `project`, ..."""
        with (self.var_dir / "more.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=self._environment() | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @contextmanager
    def ended_at_last(self) -> Iterator["LiveWorkshop"]:
        """End it if nobody has done so until then."""
        try:
            yield self
        finally:
            if self.process.poll() is None:
                self.stop()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> int:
        self.process.kill()
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(STOPS_WITHIN_S)
        self._reader.join(STOPS_WITHIN_S)
        return code

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as response:
            return json.load(response)

    def send(self, method: str, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        if password := self._settings.get("INSTRUCTOR_PASSWORD"):
            headers["Authorization"] = "Basic " + b64encode(f"instructor:{password}".encode()).decode()
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def onboard(self, count: int, **asked: Any) -> list[str]:
        """Start onboardings of made-up users; `asked` are further fields of the request (style, faults)."""
        return self.start_sagas(count=count, **asked)

    def start_sagas(self, **asked: Any) -> list[str]:
        """Start what `asked`, the fields of the request, says: scenario, style, count, users, faults."""
        return self.send("POST", "/api/sagas", asked)["saga_ids"]

    def saga(self, saga_id: str) -> Any:
        return self.get(f"/api/sagas/{saga_id}")

    def status_of(self, saga_id: str) -> str:
        return self.saga(saga_id)["status"]

    def steps_of(self, saga_id: str) -> dict[str, str]:
        """Return the status of each step."""
        return {step["name"]: step["status"] for step in self.saga(saga_id)["steps"]}

    def sagas(self, **filters: str) -> dict[str, Any]:
        """Return the rows of all sagas by id, or of those that `filters` (status, scenario) let through."""
        rows: dict[str, Any] = {}
        query: dict[str, str] = {"limit": "1000", **filters}
        while True:
            page = self.get(f"/api/sagas?{urlencode(query)}")
            rows |= {saga["saga_id"]: saga for saga in page["sagas"]}
            if page["next"] is None:
                return rows
            query["after"] = page["next"]

    def steps_done(self, saga_ids: list[str]) -> int:
        rows = self.sagas()
        return sum(step["status"] == "done" for saga_id in saga_ids for step in rows[saga_id]["steps"])

    def ended(self) -> set[str]:
        return {saga_id for status in ENDS for saga_id in self.sagas(status=status)}

    def retry(self, saga_id: str) -> Any:
        return self.send("POST", f"/api/sagas/{saga_id}/retry", {})

    def roll_back(self, saga_id: str) -> Any:
        return self.send("POST", f"/api/sagas/{saga_id}/roll-back", {})

    def resolve(self, saga_id: str, step: str) -> Any:
        return self.send("POST", f"/api/sagas/{saga_id}/resolution", {"step": step})

    def service(self, name: str) -> Any:
        return next(s for s in self.get("/api/services")["services"] if s["name"] == name)

    def change_service(self, name: str, **asked: Any) -> Any:
        """Ask a service to be what `asked`, the fields of the request, says: running, lag_ms, faults."""
        return self.send("PATCH", f"/api/services/{name}", asked)

    def set_faults(self, name: str, **rules: Any) -> Any:
        """Switch these fault rules on in the place of all others; without any, switch off. Wait until that is heard."""
        self.change_service(name, faults=rules)
        return eventually(lambda: (row := self.service(name))["heard"] and row, within_s=PATIENCE_S)

    def wait_until_heard(self) -> None:
        """Wait until every service has heard what is asked of it."""
        eventually(lambda: all(row["heard"] for row in self.get("/api/services")["services"]), within_s=PATIENCE_S)

    def clear_faults(self) -> Any:
        return self.send("DELETE", "/api/faults", {})

    def set_lag(self, shortest_ms: int, longest_ms: int) -> None:
        for service in self.get("/api/services")["services"]:
            self.change_service(service["name"], lag_ms=[shortest_ms, longest_ms])

    def kill_service(self, name: str) -> Any:
        """Let every instance of a service kill itself; what shares its process dies with it."""
        return self.send("POST", f"/api/services/{name}/kill", {})

    def stop_service(self, name: str) -> None:
        """Stop a service, and wait until it has left its group."""
        self.change_service(name, running=False)
        eventually(lambda: self.service(name)["state"] == "stopped", within_s=PATIENCE_S)

    def broken_invariants(self) -> list[Any]:
        return [check for check in self.get("/api/invariants")["checks"] if not check["ok"]]

    def processes(self) -> dict[str, Any]:
        """Return the supervisor's entries by the process's name."""
        return {entry["name"]: entry for entry in json.loads((self.var_dir / "run" / "processes.json").read_text())}

    def process_of(self, service: str) -> Any:
        """Return the supervisor's entry of the process that a service runs in."""
        return next(entry for entry in self.processes().values() if service in entry["services"])

    def kill_process(self, name: str) -> None:
        os.kill(self.processes()[name]["pid"], signal.SIGKILL)

    def mails(self, saga_ids: Iterable[str]) -> int:
        """Return how many e-mails were sent for these sagas, corrections among them."""
        return sum(len(list((self.var_dir / "mail").glob(f"*{saga_id}@*.eml"))) for saga_id in saga_ids)

    def wait_until_all_ended(self, saga_ids: list[str], *, within_s: float = PATIENCE_S) -> None:
        wanted = set(saga_ids)
        eventually(lambda: wanted <= self.ended(), within_s=within_s)

    def wait_for_status(self, saga_id: str, status: str, *, within_s: float = PATIENCE_S) -> Any:
        """Return the saga, with its events, once it has this status."""
        eventually(lambda: self.status_of(saga_id) == status, within_s=within_s)
        return self.saga(saga_id)

    def wait_for_steps(self, saga_id: str, steps: dict[str, str]) -> None:
        """Wait until its steps have these statuses. That a saga has ended may be told before their last words are."""
        eventually(lambda: self.steps_of(saga_id) == steps, within_s=PATIENCE_S)

    def wait_until_quiet(self) -> None:
        """Wait until no saga is under way, and everything works. What is stuck is not under way."""
        eventually(lambda: self.is_up() and not self._is_any_under_way(), within_s=PATIENCE_S)

    def is_up(self) -> bool:
        try:
            return bool(self.get("/readyz")["ready"])
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in without_settings().items() if name not in OF_ANOTHER_RUN}
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "VAR_DIR": str(self.var_dir), "PYTHONUNBUFFERED": "1"}
        return inherited | own | self._settings

    def _is_any_under_way(self) -> bool:
        return any(self.get(f"/api/sagas?status={status}&limit=1")["sagas"] for status in UNDER_WAY)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "\n".join(self.output)
        return any("is ready" in line for line in self.output)

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line.rstrip())
