"""The real thing for tests: `manage.py run` on a free port, with a state directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from tests.eventually import eventually

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 90.0
STOPS_WITHIN_S = 20.0


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
        inherited = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "WORKSHOP_LEASH")}
        self.output.clear()
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "VAR_DIR": str(self.var_dir), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            env=inherited | own | self._settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

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
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def onboard(self, count: int) -> list[str]:
        return self.send("POST", "/api/sagas", {"count": count})["saga_ids"]

    def set_lag(self, shortest_ms: int, longest_ms: int) -> None:
        for service in self.get("/api/services")["services"]:
            self.send("PATCH", f"/api/services/{service['name']}", {"lag_ms": [shortest_ms, longest_ms]})

    def saga(self, saga_id: str) -> Any:
        return self.get(f"/api/sagas/{saga_id}")

    def service(self, name: str) -> Any:
        return next(s for s in self.get("/api/services")["services"] if s["name"] == name)

    def processes(self) -> dict[str, Any]:
        """Return the supervisor's entries by name."""
        return {entry["name"]: entry for entry in json.loads((self.var_dir / "run" / "processes.json").read_text())}

    def wait_until_all_ended(self, saga_ids: list[str], *, within_s: float = PATIENCE_S) -> None:
        wanted = set(saga_ids)
        eventually(lambda: wanted <= self.ended(), within_s=within_s)

    def wait_until_quiet(self) -> None:
        """Wait until no saga is under way, and everything works."""
        eventually(
            lambda: self.is_up() and not self.get("/api/sagas?status=running&limit=1")["sagas"], within_s=PATIENCE_S
        )

    def is_up(self) -> bool:
        try:
            return bool(self.get("/readyz")["ready"])
        except OSError:
            return False

    def ended(self) -> set[str]:
        ended: set[str] = set()
        after = ""
        while True:
            page = self.get(f"/api/sagas?status=completed&limit=1000{after}")
            ended |= {saga["saga_id"] for saga in page["sagas"]}
            if page["next"] is None:
                return ended
            after = f"&after={page['next']}"

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "\n".join(self.output)
        return any("is ready" in line for line in self.output)

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line.rstrip())
