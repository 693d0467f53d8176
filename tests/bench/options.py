"""How the bench was asked to run, and how it says what it is doing."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

BUDGET_S = 150.0
"""No figure begins another round after this long: a slow machine gives fewer samples, not a longer wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`repeat`: how often each figure is taken; `sagas`: how many travel in one measurement of throughput."""

    repeat: int
    sagas: int

    def rounds(self) -> Iterator[int]:
        began = time.monotonic()
        for number in range(self.repeat):
            if number and time.monotonic() - began > BUDGET_S:
                say(f"time is up after {number} of {self.repeat} rounds")
                return
            yield number


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
