"""The supervisor with real, tiny processes: what it shows, and whom it starts again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import without_settings
from tests.eventually import eventually
from tests.support.system.live import free_port
from tests.support.system.supervised import WAIT, Program, Run, python
from workshop.config import ROOT


def test_each_line_carries_the_name_of_its_process(run: Run, program: Program) -> None:
    run.start(
        program("ann", "print('hello'); " + WAIT), program("basil", "import sys; sys.stderr.write('oh')\n" + WAIT)
    )
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


def test_a_killed_process_is_started_again_and_its_end_is_told(run: Run, program: Program) -> None:
    run.start(program("ann", WAIT))
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


def test_a_process_that_waits_for_its_restart_says_how_it_ended(run: Run, program: Program) -> None:
    run.start(program("ann", "raise SystemExit(3)"))
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


def test_output_that_nobody_reads_stops_no_process(run: Run, program: Program) -> None:
    done = run.room / "done"
    chatter = f"for _ in range(20_000): print('x' * 100)\nopen({str(done)!r}, 'w').close()\n" + WAIT
    run.start(program("ann", chatter), stdout=subprocess.PIPE)
    eventually(done.exists)
    run.process.terminate()
    assert run.process.wait(20) == 0


def test_a_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = without_settings() | {"PORT": str(port), "VAR_DIR": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "manage.py", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert f"127.0.0.1:{port}" in ended.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["run", "migrate_all"])
def test_a_database_that_is_away_is_one_line(command: str, tmp_path: Path) -> None:
    place = "postgresql://127.0.0.1:1"
    urls = {"DATABASE_URL": f"{place}/dashboard", "LEDGER_DATABASE_URL": f"{place}/ledger_{{service}}"}
    environment = without_settings() | urls | {"PORT": str(free_port()), "VAR_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert "The read model cannot be reached: " in ended.stderr


def test_wrong_settings_are_one_line_each(tmp_path: Path) -> None:
    environment = without_settings() | {"PORT": "many", "DEBUG": "maybe", "VAR_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "manage.py", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, [line.split(":")[0] for line in ended.stderr.splitlines()]) == (
        2,
        ["PORT=many", "DEBUG=maybe"],
    )
