"""One run at a time in one state directory."""

import os
import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from workshop import state
from workshop.config import ROOT


def test_a_second_run_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    (tmp_path / state.LOCK_NAME).write_text("4294967295")  # what an earlier run has left
    held = state.lock(tmp_path)
    with pytest.raises(state.StateDirBusy, match=rf"\(process {os.getpid()}\)"):
        state.lock(tmp_path)
    os.close(held)


def test_who_has_waited_in_vain_for_the_rest_of_a_run_is_told_whose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = state.lock(tmp_path)
    seconds = count()
    monkeypatch.setattr(state, "_is_alive", lambda pid: False)
    monkeypatch.setattr(state, "time", SimpleNamespace(monotonic=lambda: next(seconds), sleep=lambda _: None))
    with pytest.raises(state.StateDirBusy, match=rf"\(process {os.getpid()}\)"):
        state.lock(tmp_path)
    os.close(held)
    assert next(seconds) > state.PATIENCE_S


def test_the_lock_is_free_again_after_a_run(tmp_path: Path) -> None:
    os.close(state.lock(tmp_path))
    os.close(state.lock(tmp_path))


def test_the_lock_holds_until_the_last_process_of_a_killed_run_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os, subprocess, sys; from pathlib import Path; from workshop import state\n"
        "held = state.lock(Path(sys.argv[1]))\n"
        "print(subprocess.Popen(['sleep', '600'], pass_fds=[held], stdout=-3, stderr=-3).pid)"
    )
    supervisor = [sys.executable, "-c", code, str(tmp_path)]
    child = int(subprocess.run(supervisor, cwd=ROOT, check=True, capture_output=True).stdout)
    monkeypatch.setattr(state, "PATIENCE_S", 0.0)
    with pytest.raises(state.StateDirBusy):
        state.lock(tmp_path)
    os.kill(child, signal.SIGKILL)
    monkeypatch.setattr(state, "PATIENCE_S", 20.0)
    os.close(state.lock(tmp_path))


def test_a_run_of_somebody_else_is_a_run_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    held = state.lock(tmp_path)
    monkeypatch.setattr(state.os, "kill", refuse)
    monkeypatch.setattr(state.time, "sleep", lambda _: pytest.fail("there is nothing to wait for"))
    with pytest.raises(state.StateDirBusy, match=f"process {os.getpid()}"):
        state.lock(tmp_path)
    os.close(held)


def test_clean_state_leaves_the_directory_and_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "1.eml").write_text("Hello")
    (tmp_path / "elsewhere").symlink_to(Path(__file__).parent)
    state.empty(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert Path(__file__).exists()


def test_nobody_is_let_in_while_a_directory_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[str] = []

    def remove(entry: Path) -> None:
        with pytest.raises(state.StateDirBusy):
            state.lock(tmp_path)
        refused.append(entry.name)
        entry.rmdir()

    for name in ("broker", "mail", "run", "z"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(shutil, "rmtree", remove)
    state.empty(tmp_path)
    assert sorted(refused) == ["broker", "mail", "run", "z"]


def test_clean_state_does_not_pull_the_rug_from_under_a_run(tmp_path: Path) -> None:
    held = state.lock(tmp_path)
    with pytest.raises(state.StateDirBusy):
        state.empty(tmp_path)
    os.close(held)


def test_clean_state_leaves_a_directory_alone_that_no_run_has_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="left alone"):
        state.main()
    assert (tmp_path / "thesis.txt").exists()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workshop lies, and the home of whoever runs it."""
    monkeypatch.setattr(state, "__file__", str(tmp_path / "workshop" / "state.py"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VAR_DIR", raising=False)
    return tmp_path


def test_clean_state_empties_its_own_directory_whoever_has_used_it(room: Path) -> None:
    (room / "var").mkdir()
    (room / "var" / "mail").touch()
    state.main()
    assert list((room / "var").iterdir()) == []


def test_clean_state_empties_what_a_run_has_used_below_somebodys_home(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(state.lock(room / "lesson"))
    monkeypatch.setenv("VAR_DIR", "~/lesson")
    state.main()
    assert list((room / "lesson").iterdir()) == []


def test_clean_state_says_that_a_run_goes_on(room: Path) -> None:
    held = state.lock(room / "var")
    with pytest.raises(SystemExit, match="Another run"):
        state.main()
    os.close(held)
