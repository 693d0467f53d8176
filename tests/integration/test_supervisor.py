"""The supervisor with real, tiny processes: what it shows, whom it starts again, and that nothing survives it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
    supervisor = Supervisor(specs, say=console.say, processes_file=Path(sys.argv[2]))
    await supervisor.run(stop_with_starter=True)

asyncio.run(main())
console.close()
"""
ON_A_LEASH = "from workshop import leash; leash.hold();"
WAIT = ON_A_LEASH + "import signal; print('up'); signal.pause()"
STUBBORN = (
    "from workshop import leash; leash.GRACE_S = 0.2; leash.hold()\n"
    "import signal; signal.signal(15, signal.SIG_IGN); print('up')\n"
    "while True: signal.pause()"
)


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
    ) -> "Run":
        argv = [*through, sys.executable, "-c", RUNNER, json.dumps(specs), str(self.processes_file)]
        with self.log.open("wb") as log:
            self._started = subprocess.Popen(argv, cwd=ROOT, stdin=stdin, stdout=stdout or log, stderr=log)
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


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    run.end()


def python(name: str, code: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-c", code], **more}


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie is no process any more; whoever adopted it has only not looked yet.
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_each_line_carries_the_name_of_its_process(run: Run) -> None:
    run.start(python("ann", "print('hello'); " + WAIT), python("basil", "import sys; sys.stderr.write('oh')\n" + WAIT))
    run.shows("ann   | hello")
    run.shows("basil | ohup")


def test_where_nothing_can_be_written_processes_are_started_again_and_are_told_of_later(run: Run) -> None:
    in_the_way = run.processes_file.with_name("processes.json.draft")
    in_the_way.mkdir()
    run.start(python("ann", WAIT.replace("print('up')", "import os; print('up as', os.getpid())")))
    os.kill(int(run.told("up as").split()[-1]), signal.SIGKILL)
    second = eventually(lambda: [line for line in run.lines() if "up as" in line][1:])
    in_the_way.rmdir()
    assert run.pid("ann") == int(second[0].split()[-1])
    assert sum("cannot write down" in line for line in run.lines()) == 1


def test_a_killed_process_is_started_again_and_its_end_is_told(run: Run) -> None:
    run.start(python("ann", WAIT))
    first = run.pid("ann")
    os.kill(first, signal.SIGKILL)
    assert run.told("ann has ended") == "workshop | ann has ended (killed by SIGKILL) and is started again in 0.5 s"
    eventually(lambda: run.pid("ann") != first)
    assert run.processes()["ann"] | {"pid": 0} == {
        "name": "ann",
        "services": [],
        "pid": 0,
        "state": "running",
        "restarts": 1,
        "exit": "killed by SIGKILL",
    }


def test_a_process_that_waits_for_its_restart_says_how_it_ended(run: Run) -> None:
    run.start(python("ann", "raise SystemExit(3)"))
    entry = eventually(lambda: (found := run.processes().get("ann", {})).get("state") == "restarting" and found)
    assert (entry["exit"], entry["pid"]) == ("exit status 3", None)


@pytest.mark.parametrize("content", [None, b"\0 this is no program"], ids=["not there", "no program"])
def test_a_program_that_cannot_be_started_does_not_stop_the_others(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    ghost = tmp_path / "ghost"
    if content:
        ghost.write_bytes(content)
        ghost.chmod(0o755)
    run.start({"name": "ghost", "argv": [str(ghost)]}, python("ann", WAIT))
    run.shows("ann   | up")
    assert "cannot be started" in run.told("ghost has ended")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_every_process_and_what_these_started(run: Run, number: signal.Signals) -> None:
    parent = "import subprocess, sys; child = subprocess.Popen(['sleep', '600']); print('child', child.pid);" + WAIT
    run.start(python("ann", parent), python("basil", WAIT))
    pids = [run.pid("ann"), run.pid("basil"), int(run.told("child").split()[-1])]
    run.process.send_signal(number)
    assert run.process.wait(20) == 0
    assert all(map(is_gone, pids))


@pytest.mark.skipif(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, reason="the tests run under nohup")
def test_the_end_of_the_terminal_ends_every_process(run: Run) -> None:
    run.start(python("ann", WAIT))
    pid = run.pid("ann")
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(20) == 0
    assert is_gone(pid)


def test_what_the_others_need_ends_last(run: Run) -> None:
    ends = "import signal\nsignal.signal(15, lambda *_: (print('ends'), exit()))\nprint('up')\nsignal.pause()"
    run.start(python("broker", ends, outlasts_others=True), python("user", ends))
    run.shows("broker | up")
    run.shows("user   | up")
    run.end()
    assert [line for line in run.lines() if "ends" in line] == ["user   | ends", "broker | ends"]


def test_a_second_signal_kills_what_does_not_end(run: Run) -> None:
    run.start(python("ann", STUBBORN))
    run.shows("ann | up")
    run.process.send_signal(signal.SIGTERM)
    run.told("stopping")

    def ends_when_asked_again() -> bool:
        run.process.send_signal(signal.SIGTERM)
        return run.process.poll() is not None

    eventually(ends_when_asked_again)
    assert run.told("killing what is left")


def test_a_signal_that_arrives_twice_at_once_is_one(run: Run) -> None:
    """Stopping a process group reaches us directly, and by make once more."""
    run.start(python("ann", WAIT))
    run.shows("ann | up")
    run.process.send_signal(signal.SIGTERM)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(20) == 0
    assert not any("killing" in line for line in run.lines())


def test_nothing_survives_the_supervisor_killed(run: Run) -> None:
    run.start(python("ann", WAIT), python("basil", WAIT))
    pids = [run.pid("ann"), run.pid("basil")]
    run.shows("ann   | up")
    run.shows("basil | up")
    run.process.kill()
    eventually(lambda: all(map(is_gone, pids)))


def test_a_process_that_cannot_end_is_ended_after_the_supervisor_is_killed(run: Run) -> None:
    run.start(python("ann", STUBBORN))
    pid = run.pid("ann")
    run.shows("ann | up")
    run.process.kill()
    eventually(lambda: is_gone(pid))


def test_nothing_survives_the_one_that_started_the_supervisor(run: Run) -> None:
    starter = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    run.start(python("ann", WAIT), through=starter)
    pid = run.pid("ann")
    run.process.kill()
    eventually(lambda: is_gone(pid))


def test_nothing_survives_a_closed_terminal_that_make_keeps_to_itself(run: Run) -> None:
    terminal, its_user = os.openpty()
    run.start(python("ann", WAIT), stdin=its_user)
    os.close(its_user)
    run.shows("ann | up")
    os.close(terminal)
    assert run.process.wait(20) == 0


def test_output_that_nobody_reads_stops_no_process(run: Run) -> None:
    done = run.room / "done"
    chatter = f"for _ in range(20_000): print('x' * 100)\nopen({str(done)!r}, 'w').close()\n" + WAIT
    run.start(python("ann", chatter), stdout=subprocess.PIPE)
    eventually(done.exists)
    run.process.terminate()
    assert run.process.wait(20) == 0


def test_the_list_of_processes_goes_with_them(run: Run) -> None:
    run.start(python("ann", WAIT))
    run.pid("ann")
    run.end()
    assert run.processes() == {}


def test_a_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = os.environ | {"PORT": str(port), "VAR_DIR": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "manage.py", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert f"127.0.0.1:{port}" in ended.stderr
    assert not (tmp_path / "run").exists()


def test_wrong_settings_are_one_line_each(tmp_path: Path) -> None:
    environment = os.environ | {"PORT": "many", "DEBUG": "maybe", "VAR_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "manage.py", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, [line.split(":")[0] for line in ended.stderr.splitlines()]) == (
        2,
        ["PORT=many", "DEBUG=maybe"],
    )
