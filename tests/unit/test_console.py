"""One screen for many processes: nothing that is said is mixed up, and nobody waits for who does not read."""

import json
import threading
from collections.abc import Callable

import pytest

from workshop.supervisor import console
from workshop.supervisor.console import LINES_KEPT, Console

PATIENCE_S = 20.0


class Screen:
    """What was written; while it is paused, its writer waits."""

    def __init__(self) -> None:
        self.written = b""
        self.reads = threading.Event()
        self.has_a_writer = threading.Event()

    def write(self, data: bytes) -> None:
        self.has_a_writer.set()
        assert self.reads.wait(PATIENCE_S)
        self.written += data


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    screen.reads.set()
    monkeypatch.setattr(console, "_write", screen.write)
    return screen


def shown(screen: Screen, say: Callable[[Console], None], *, as_json: bool = False) -> list[str]:
    """Return the lines that a console writes of what is said to it."""
    own = Console(["web", "notifier"], as_json=as_json)
    say(own)
    own.close(PATIENCE_S)
    return screen.written.decode().splitlines()


def test_each_line_names_its_process(screen: Screen) -> None:
    def say(console: Console) -> None:
        console.say("web", "up")
        console.say("notifier", "up")
        console.show("ready")

    assert shown(screen, say) == ["web      | up", "notifier | up", "ready"]


def test_as_json_each_line_names_its_process_too(screen: Screen) -> None:
    def say(console: Console) -> None:
        console.say("web", '{"message": "up"}')
        console.show("ready")

    lines = [json.loads(line) for line in shown(screen, say, as_json=True)]
    assert [(line["process"], line["message"]) for line in lines] == [("web", "up"), ("workshop", "ready")]


@pytest.mark.parametrize("as_json", [False, True], ids=["as text", "as JSON"])
def test_of_what_is_not_read_in_time_the_oldest_is_lost_and_its_number_said(screen: Screen, as_json: bool) -> None:
    def say(console: Console) -> None:
        screen.reads.clear()
        console.show("the first")
        assert screen.has_a_writer.wait(PATIENCE_S)
        for number in range(LINES_KEPT + 3):
            console.show(f"line {number}")
        screen.reads.set()

    lines = (
        [json.loads(line)["message"] for line in shown(screen, say, as_json=True)] if as_json else shown(screen, say)
    )
    assert lines[:3] == ["the first", "(3 lines were not read in time and are lost)", "line 3"]
    assert len(lines) == 2 + LINES_KEPT


def test_half_a_character_ends_nothing(screen: Screen) -> None:
    assert shown(screen, lambda console: console.show("no place for \udcff")) == ["no place for ?"]
