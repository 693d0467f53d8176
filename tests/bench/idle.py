"""What a run costs that nobody uses, and how long one waits for it."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.options import Options, say
from tests.bench.proc import pss_mib, rss_mib
from tests.bench.report import Figure
from tests.bench.stack import Stack, running

QUIET_S = 5.0
WATCHED_S = 15.0


def measure(options: Options) -> list[Figure]:
    starts: list[float] = []
    rounds: list[dict[str, dict[str, float]]] = []
    with TemporaryDirectory(prefix="saga-bench-") as directory, options.parts() as parts:
        with running(Path(directory), parts):
            pass  # the state directory is made by a first start; a warm one finds it
        for number in options.rounds():
            with running(Path(directory), parts) as stack:
                starts.append(stack.ready_after_s)
                rounds.append(_watch(stack))
            total = {name: round(sum(values.values())) for name, values in rounds[-1].items()}
            say(f"idle {number + 1}: ready after {starts[-1]:.1f} s, {total}")
    return [
        Figure(name="warm start to ready", unit="s", samples=starts, target=6.0),
        _figure("idle, all processes, of one core", "%", "cpu", rounds, target=25.0),
        _figure("idle memory, sum of RSS", "MiB", "rss", rounds, target=600.0),
        _figure("idle memory, sum of PSS", "MiB", "pss", rounds, target=600.0),
    ]


def memory(stack: Stack, of: Callable[[int], float] = rss_mib) -> dict[str, float]:
    """Return how many MiB each process holds."""
    return {name: of(pid) for name, pid in stack.pids().items()}


def _watch(stack: Stack) -> dict[str, dict[str, float]]:
    """Return per cent of one core, and MiB, by process."""
    time.sleep(QUIET_S)
    before, began = stack.cpu_seconds(), time.monotonic()
    time.sleep(WATCHED_S)
    after, took_s = stack.cpu_seconds(), time.monotonic() - began
    cpu = {name: 100 * (after[name] - before[name]) / took_s for name in after}
    return {"cpu": cpu, "rss": memory(stack), "pss": memory(stack, pss_mib)}


def _figure(name: str, unit: str, what: str, rounds: list[dict[str, Any]], *, target: float) -> Figure:
    last = {process: round(value, 1) for process, value in rounds[-1][what].items()}
    samples = [sum(watched[what].values()) for watched in rounds]
    return Figure(name=name, unit=unit, samples=samples, target=target, about={"last_round": last})
