"""Whatever ends the supervisor, all its processes end with it, in order where there is time."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.support.system.supervised import WAIT, Program, Run, python

STUBBORN = (
    "from workshop import leash; leash.GRACE_S = 0.2; leash.hold()\n"
    "import signal; signal.signal(15, signal.SIG_IGN); print('up')\n"
    "while True: signal.pause()"
)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie is no process any more; whoever adopted it has only not looked yet.
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_every_process_and_what_these_started(run: Run, program: Program, number: signal.Signals) -> None:
    parent = "import subprocess, sys; child = subprocess.Popen(['sleep', '600']); print('child', child.pid);" + WAIT
    run.start(program("ann", parent), program("basil", WAIT))
    pids = [run.pid("ann"), run.pid("basil"), int(run.told("child").split()[-1])]
    run.process.send_signal(number)
    assert run.process.wait(20) == 0
    assert all(map(is_gone, pids))


@pytest.mark.skipif(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, reason="the tests run under nohup")
def test_the_end_of_the_terminal_ends_every_process(run: Run, program: Program) -> None:
    run.start(program("ann", WAIT))
    pid = run.pid("ann")
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(20) == 0
    assert is_gone(pid)


def test_what_the_others_need_ends_last(run: Run, program: Program) -> None:
    ends = "import signal\nsignal.signal(15, lambda *_: (print('ends'), exit()))\nprint('up')\nsignal.pause()"
    run.start(program("broker", ends, outlasts_others=True), program("user", ends))
    run.shows("broker | up")
    run.shows("user   | up")
    run.end()
    assert [line for line in run.lines() if "ends" in line] == ["user   | ends", "broker | ends"]


def test_a_second_signal_kills_what_does_not_end(run: Run, program: Program) -> None:
    run.start(program("ann", STUBBORN))
    run.shows("ann | up")
    run.process.send_signal(signal.SIGTERM)
    run.told("stopping")

    def ends_when_asked_again() -> bool:
        run.process.send_signal(signal.SIGTERM)
        return run.process.poll() is not None

    eventually(ends_when_asked_again)
    assert run.told("killing what is left")


def test_a_signal_that_arrives_twice_at_once_is_one(run: Run, program: Program) -> None:
    """Stopping a process group reaches us directly, and by make once more."""
    run.start(program("ann", WAIT))
    run.shows("ann | up")
    run.process.send_signal(signal.SIGTERM)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(20) == 0
    assert not any("killing" in line or "started again" in line for line in run.lines())


def test_nothing_survives_the_supervisor_killed(run: Run, program: Program) -> None:
    run.start(program("ann", WAIT), program("basil", WAIT))
    pids = [run.pid("ann"), run.pid("basil")]
    run.shows("ann   | up")
    run.shows("basil | up")
    run.process.kill()
    eventually(lambda: all(map(is_gone, pids)))


def test_a_process_that_cannot_end_is_ended_after_the_supervisor_is_killed(run: Run, program: Program) -> None:
    run.start(program("ann", STUBBORN))
    pid = run.pid("ann")
    run.shows("ann | up")
    run.process.kill()
    eventually(lambda: is_gone(pid))


def test_nothing_survives_the_one_that_started_the_supervisor(run: Run, program: Program) -> None:
    starter = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    run.start(program("ann", WAIT), through=starter)
    pid = run.pid("ann")
    run.process.kill()
    eventually(lambda: is_gone(pid))


def test_nothing_survives_a_closed_terminal_that_make_keeps_to_itself(run: Run, program: Program) -> None:
    terminal, its_user = os.openpty()
    run.start(program("ann", WAIT), stdin=its_user)
    os.close(its_user)
    run.shows("ann | up")
    os.close(terminal)
    assert run.process.wait(20) == 0


def test_the_list_of_processes_goes_with_them(run: Run) -> None:
    run.start(python("ann", WAIT))
    run.pid("ann")
    run.end()
    assert run.processes() == {}
