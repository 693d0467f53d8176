"""The workshop as containers run it: every process by itself, and nobody starts again what has ended."""

import signal
import subprocess
import sys
from typing import Any

from tests.environment import without_settings
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, ROOT, LiveWorkshop
from workshop import leash
from workshop.processes import SERVICE_PROCESSES

COMMANDS = {"web": ("serve",), "projector": ("project",)} | {name: ("consume", name) for name in SERVICE_PROCESSES}


class SpreadWorkshop(LiveWorkshop):
    """A web process, a projector and the services. What each says is in `var_dir`, in a file of its name."""

    def start(self) -> "SpreadWorkshop":
        subprocess.run((*_MANAGE, "migrate_all"), **self._surroundings({}), check=True, capture_output=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in COMMANDS:
            self.start_process(name)
        eventually(self.is_up, within_s=PATIENCE_S)
        return self

    def start_process(self, name: str, *, number: int = 1, **settings: str) -> int:
        """Start the process of this name, or another one of its kind; return its process id."""
        key = f"{name}-{number}"
        with (self.var_dir / f"{key}.log").open("ab") as log:
            self._processes[key] = subprocess.Popen(
                (*_MANAGE, *COMMANDS[name]),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **self._surroundings({leash.VARIABLE: "stdin", **settings}),
            )
        return self._processes[key].pid

    def stop_process(self, name: str, *, number: int = 1) -> None:
        self.tell_process(name, signal.SIGTERM, number=number)
        self.await_end(name, number=number)

    def await_end(self, name: str, *, number: int = 1) -> None:
        """Wait until a process has ended that was told to."""
        _bury(self._processes.pop(f"{name}-{number}"))

    def kill_process(self, name: str, *, number: int = 1) -> None:
        process = self._processes.pop(f"{name}-{number}")
        process.kill()
        _bury(process)

    def tell_process(self, name: str, what: signal.Signals, *, number: int = 1) -> None:
        self._processes[f"{name}-{number}"].send_signal(what)

    def said_by(self, name: str, *, number: int = 1) -> str:
        """Return all that this process has written so far."""
        return (self.var_dir / f"{name}-{number}.log").read_text()

    def numbers(self, name: str) -> set[int]:
        """Return which processes of this kind there are."""
        return {int(key.rpartition("-")[2]) for key in self._processes if key.rpartition("-")[0] == name}

    def pids(self, name: str) -> set[int]:
        return {self._processes[f"{name}-{number}"].pid for number in self.numbers(name)}

    def ended_by_themselves(self) -> list[str]:
        return [key for key, process in self._processes.items() if process.poll() is not None]

    def stop(self) -> int:
        for process in self._processes.values():
            process.terminate()
        return max(_bury(process) for process in self._processes.values())

    def _surroundings(self, settings: dict[str, str]) -> dict[str, Any]:
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "VAR_DIR": str(self.var_dir)}
        return {"cwd": ROOT, "env": without_settings() | own | self._settings | settings}


_MANAGE = (sys.executable, "manage.py")


def _bury(process: subprocess.Popen[bytes]) -> int:
    with process:
        return process.wait(PATIENCE_S)
