"""Processes that are copies of one that has loaded what they share, beside what holds for every process."""

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.eventually import eventually
from tests.support.system.supervised import ON_A_LEASH, WAIT, Program, Run, copied

WHOSE_CHILD = ON_A_LEASH + "import os, signal; print('child of', os.getppid()); signal.pause()"


@pytest.fixture
def copy(tmp_path: Path) -> Program:
    return copied(tmp_path)


def fork_servers(run: Run) -> list[int]:
    """Return, of each copy that has told, whose child it was."""
    return [int(line.split()[-1]) for line in run.lines() if "child of" in line]


def test_what_they_share_is_loaded_once(run: Run, copy: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.room / "shared_by_all.py").write_text("print('loading')")
    monkeypatch.setenv("PYTHONPATH", str(run.room))
    tells = "import sys; print('loaded before', 'shared_by_all' in sys.modules);" + WAIT
    run.start(*(copy(name, tells, preload="shared_by_all") for name in ("ann", "basil")))
    run.shows("ann   | loaded before True")
    run.shows("basil | loaded before True")
    assert run.lines().count("loading") == 1


def test_a_copy_runs_its_program_as_if_that_had_been_started_by_itself(run: Run, copy: Program) -> None:
    tells = "import os, sys; print(__name__, sys.argv[1:], os.environ['COLOUR'], os.getpid() == os.getsid(0));" + WAIT
    spec = copy("ann", tells, env={"COLOUR": "blue"})
    run.start(spec | {"argv": [*spec["argv"], "--fast"]})
    run.shows("ann | __main__ ['--fast'] blue True")


def test_a_mistake_in_a_program_is_told_as_it_wants_to_tell_it(run: Run, copy: Program) -> None:
    run.start(copy("ann", "import sys; sys.excepthook = lambda kind, *_: print('my', kind.__name__)\n1 / 0"))
    run.shows("ann | my ZeroDivisionError")
    assert "exit status 1" in run.told("ann has ended")


def test_what_all_processes_hold_is_held_by_copies_as_well(run: Run, copy: Program) -> None:
    ours, held = os.pipe()
    run.start(copy("ann", WAIT), pass_fds=[held])
    run.shows("ann | up")
    opened = [os.readlink(link) for link in Path(f"/proc/{run.pid('ann')}/fd").iterdir()]
    assert os.readlink(f"/proc/self/fd/{held}") in opened
    os.close(ours)
    os.close(held)


def test_copies_do_not_outlive_what_they_are_copies_of_and_are_started_again(run: Run, copy: Program) -> None:
    run.start(copy("ann", WHOSE_CHILD), copy("basil", WHOSE_CHILD))
    first, _ = eventually(lambda: (found := fork_servers(run)) and len(found) == 2 and found)
    pids = {run.pid("ann"), run.pid("basil")}
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(fork_servers(run)) == 4)
    assert set(fork_servers(run)[2:]) != {first}
    assert not pids & {run.pid("ann"), run.pid("basil")}
    assert run.told("ann has ended (exit status 255)")


def test_what_cannot_be_loaded_is_told_and_tried_again(
    run: Run, copy: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = run.room / "broken.py"
    broken.write_text("1 / 0")
    monkeypatch.setenv("PYTHONPATH", str(run.room))
    run.start(copy("ann", WAIT, preload="broken"))
    assert "it cannot be started: loading broken has failed" in run.told("ann has ended")
    broken.write_text("")
    run.shows("ann | up")


def test_what_a_killed_run_leaves_is_below_its_directory_and_gone_with_the_next(
    copy: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[set[Path]] = []
    with TemporaryDirectory() as room:  # of a short name, as a socket needs
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        for _ in range(2):
            run = Run(Path(room)).start(copy("ann", WAIT))
            run.shows("ann | up")
            run.process.kill()
            run.process.wait()
            left.append(set(run.room.glob("pymp-*")))
    assert (len(left[0]), len(left[1]), left[0] & left[1]) == (1, 1, set())
    assert list(tmp_path.glob("pymp-*")) == []
