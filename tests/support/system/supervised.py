"""A supervisor in a process of its own, and tiny processes for it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.eventually import eventually
from workshop.config import ROOT

RUNNER = """
import asyncio, json, sys
from pathlib import Path
from workshop.supervisor.console import Console
from workshop.supervisor.group import Supervisor
from workshop.supervisor.spec import ProcessSpec

specs = [ProcessSpec(**{**spec, "argv": tuple(spec["argv"])}) for spec in json.loads(sys.argv[1])]
console = Console([spec.name for spec in specs])

async def main():
    passed = [int(number) for number in sys.argv[3:]]
    supervisor = Supervisor(specs, say=console.say, processes_file=Path(sys.argv[2]), pass_fds=passed)
    await supervisor.run(stop_with_starter=True)

asyncio.run(main())
console.close()
"""
ON_A_LEASH = "from workshop import leash; leash.hold();"
WAIT = ON_A_LEASH + "import signal; print('up'); signal.pause()"


class Run:
    """A supervisor in a process of its own, as it is in earnest."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.log = room / "log"
        self.processes_file = room / "processes.json"
        self._started: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._started
        return self._started

    def start(
        self,
        *specs: dict[str, Any],
        through: tuple[str, ...] = (),
        stdin: int | None = None,
        stdout: int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "Run":
        runner = [sys.executable, "-c", RUNNER, json.dumps(specs), str(self.processes_file), *map(str, pass_fds)]
        with self.log.open("wb") as log:
            self._started = subprocess.Popen(
                [*through, *runner], cwd=ROOT, stdin=stdin, stdout=stdout or log, stderr=log, pass_fds=pass_fds
            )
        return self

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def shows(self, line: str) -> None:
        eventually(lambda: line in self.lines())

    def told(self, part: str) -> str:
        return eventually(lambda: next((line for line in self.lines() if part in line), None)) or ""

    def processes(self) -> dict[str, dict[str, Any]]:
        if not self.processes_file.exists():
            return {}
        return {entry["name"]: entry for entry in json.loads(self.processes_file.read_text())}

    def pid(self, name: str) -> int:
        return int(eventually(lambda: self.processes().get(name, {}).get("pid")))

    def end(self) -> None:
        with self.process as process:  # which closes its pipes
            process.terminate()
            process.wait(20)


class Program(Protocol):
    """Makes the description of a process of this name that runs this code."""

    def __call__(self, name: str, code: str, **more: Any) -> dict[str, Any]: ...


def python(name: str, code: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-c", code], **more}


def copied(room: Path) -> Program:
    """Makes it one that is a copy of another, which has loaded something already."""

    def describe(name: str, code: str, **more: Any) -> dict[str, Any]:
        script = room / f"{name}.py"
        script.write_text(code)
        return {"name": name, "argv": [sys.executable, str(script)], "preload": "workshop.leash", **more}

    return describe
