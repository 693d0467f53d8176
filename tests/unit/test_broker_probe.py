"""That the broker died is told, even if it is back before anybody looks."""

import json
from pathlib import Path

import pytest

from workshop.broker_probe import TOLD_FOR_S, BrokerProbe


class Now:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "processes.json"


def write(table: Path, state: str, *, restarts: int = 0) -> None:
    about = {"name": "broker", "state": state, "restarts": restarts, "exit": "killed by SIGKILL"}
    table.write_text(json.dumps([{"name": "web", "state": "running", "restarts": 9, "exit": None}, about]))


def probe_of(table: Path, clock: Now, trouble: str = "") -> BrokerProbe:
    return BrokerProbe(table, lambda: trouble, clock=clock)


def test_while_it_waits_to_be_started_again_its_end_is_told(table: Path) -> None:
    write(table, "restarting")
    assert "killed by SIGKILL" in probe_of(table, Now())()


def test_a_death_that_nobody_saw_is_told_for_a_moment_afterwards(table: Path) -> None:
    clock = Now()
    probe = probe_of(table, clock)
    write(table, "running")
    assert probe() == ""
    write(table, "running", restarts=1)
    assert "killed by SIGKILL" in probe()
    clock.seconds += TOLD_FOR_S - 0.1
    assert probe() != ""
    clock.seconds += 0.2
    assert probe() == ""


def test_what_was_before_this_process_is_no_news(table: Path) -> None:
    write(table, "running", restarts=3)
    assert probe_of(table, Now())() == ""


@pytest.mark.parametrize("has_supervisor", [True, False])
def test_else_it_says_what_was_found_by_asking(table: Path, has_supervisor: bool) -> None:
    if has_supervisor:
        write(table, "running")
    assert probe_of(table, Now(), "it does not answer")() == "it does not answer"
