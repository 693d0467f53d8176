"""What the acts of the chaos act on, and what they may find out there."""

import os
import signal
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.crowd import Crowd
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

UNFINISHED = ("running", "compensating", "stuck")


@dataclass(slots=True, kw_only=True)
class Scene:
    """`done` counts the acts, `refused` those that the server would not do; `wrong` is what must never be."""

    workshop: LiveWorkshop
    crowd: Crowd
    random: Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def recorded(self, what: str) -> Iterator[None]:
        """Count what is done here. A server may refuse it for now, with 409 or 503, and may answer nothing else."""
        try:
            yield
        except urllib.error.HTTPError as refusal:
            refusal.close()
            if refusal.code not in (409, 503):
                raise
            self.refused[what] += 1
        else:
            self.done[what] += 1

    def some_under_way(self, count: int) -> list[str]:
        """Return the ids of a few of the newest sagas that have not ended, or got stuck."""
        pages = [self.workshop.get(f"/api/sagas?status={status}&limit=50") for status in UNFINISHED]
        found = [saga["saga_id"] for page in pages for saga in page["sagas"]]
        return self.random.sample(found, min(count, len(found)))

    def kill_process(self, name: str) -> None:
        """Kill a process as `kill -9` does, and wait until it is there again."""
        before = self.restarts(name)
        os.kill(self.workshop.processes()[name]["pid"], signal.SIGKILL)
        eventually(lambda: self.restarts(name) > before and self.workshop.is_up(), within_s=PATIENCE_S)

    def restarts(self, process: str) -> int:
        return int(self.workshop.processes()[process]["restarts"])

    def process_of(self, service: str) -> dict[str, Any]:
        """Return the supervisor's entry of the process in which a service runs."""
        return next(entry for entry in self.workshop.processes().values() if service in entry["services"])

    def wait_until_at_work(self, service: str) -> None:
        """Wait until the process of a service works and the dashboard knows its instance, so that it can be ordered."""

        def is_at_work() -> bool:
            entry = self.process_of(service)
            known = self.workshop.service(service)
            pids = {instance["pid"] for instance in known["instances"] if instance["state"] != "gone"}
            return entry["state"] == "running" and known["state"] == "running" and pids == {entry["pid"]}

        eventually(_reachable(is_at_work), within_s=PATIENCE_S)


def _reachable(condition: Callable[[], Any]) -> Callable[[], Any]:
    """Return the condition, which does not hold while the web server cannot be reached."""

    def holds() -> Any:
        try:
            return condition()
        except OSError:
            return False

    return holds
