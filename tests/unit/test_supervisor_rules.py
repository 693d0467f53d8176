"""What the supervisor decides, without any process."""

import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from saga.topics import SERVICES
from workshop.processes import SERVICE_PROCESSES, services_of
from workshop.supervisor import spec
from workshop.supervisor.child import GRACE_S, Child
from workshop.supervisor.output import LONGEST_LINE, LineCutter
from workshop.supervisor.spec import BACKOFF_S, STEADY_S, ProcessSpec, count_deaths, restart_delay
from workshop.web_server import LAST_ANSWERS_S


@pytest.mark.parametrize(("deaths", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (99, 8.0)])
def test_each_death_doubles_the_wait_up_to_eight_seconds(deaths: int, seconds: float) -> None:
    assert restart_delay(deaths) == seconds


def test_every_service_runs_in_exactly_one_process() -> None:
    hosted = [service for process in SERVICE_PROCESSES for service in services_of(process)]
    assert sorted(hosted) == sorted(SERVICES)


@pytest.mark.parametrize(("lived_s", "deaths"), [(0.0, 4), (STEADY_S - 0.1, 4), (STEADY_S, 1)], ids=str)
def test_a_process_that_lived_long_is_forgiven(lived_s: float, deaths: int) -> None:
    assert count_deaths(3, lived_s=lived_s) == deaths


@pytest.mark.parametrize(
    ("steady_s", "pauses"),
    [
        pytest.param(STEADY_S, [*BACKOFF_S, BACKOFF_S[-1]], id="at once"),
        pytest.param(0.0, 6 * [BACKOFF_S[0]], id="after it lived long"),
    ],
)
async def test_who_dies_each_time_is_started_again_after_the_pause_that_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, steady_s: float, pauses: list[float]
) -> None:
    waited: list[float] = []
    said: list[str] = []

    async def wait_no_time(waiting: Coroutine[Any, Any, Any], pause_s: float) -> None:
        waiting.close()
        waited.append(pause_s)
        if len(waited) == len(pauses):
            child.kill()
        raise TimeoutError

    monkeypatch.setattr(asyncio, "wait_for", wait_no_time)
    monkeypatch.setattr(spec, "STEADY_S", steady_s)
    ghost = ProcessSpec(name="ghost", argv=(str(tmp_path / "not there"),))
    child = Child(ghost, say=lambda _, line: said.append(line), on_change=lambda: None, pass_fds=())
    await child.keep_alive()
    assert waited == pauses
    assert [float(told) for told in re.findall(r"started again in (\S+) s", "\n".join(said))] == pauses


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        pytest.param([b"one\ntwo\n"], ["one", "two"], id="two lines at once"),
        pytest.param([b"o", b"n", b"e\n"], ["one"], id="a line in pieces"),
        pytest.param([b"one\r\n"], ["one"], id="carriage return"),
        pytest.param(["é\n".encode()[:1], "é\n".encode()[1:]], ["é"], id="a letter in pieces"),
        pytest.param([b"\xff\n"], ["\ufffd"], id="not text"),
        pytest.param([b"\n"], [""], id="an empty line"),
    ],
)
def test_output_is_cut_into_lines(chunks: list[bytes], lines: list[str]) -> None:
    cutter = LineCutter()
    assert [line for chunk in chunks for line in cutter.feed(chunk)] == lines


def test_a_line_without_end_is_cut_before_it_fills_the_memory() -> None:
    assert [len(line) for line in LineCutter().feed(b"x" * (2 * LONGEST_LINE + 1))] == [LONGEST_LINE, LONGEST_LINE]


def test_the_last_line_may_lack_its_end() -> None:
    cutter = LineCutter()
    cutter.feed(b"one\ntwo")
    assert cutter.rest() == ["two"]
    assert cutter.rest() == []


def test_the_last_answers_are_given_before_patience_ends() -> None:
    assert LAST_ANSWERS_S < GRACE_S
