"""How the bench was asked to run, and how it says what it is doing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.bench import parts
from tests.bench.parts import Parts

BUDGET_S = 300.0
"""No figure begins another round after this long: a slow machine gives fewer samples, not a longer wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`repeat`: how often each figure is taken; `sagas`: how many travel in one measurement of throughput.

    `on_stack`: on Apache Kafka, Redis and PostgreSQL instead of what is built in.
    """

    repeat: int
    sagas: int
    on_stack: bool = False

    def parts(self) -> AbstractContextManager[Parts]:
        """Begin what a run needs besides itself, with nothing in it."""
        begin: Callable[[], AbstractContextManager[Parts]] = parts.real if self.on_stack else parts.embedded
        return begin()

    def rounds(self) -> Iterator[int]:
        began = time.monotonic()
        for number in range(self.repeat):
            if number and time.monotonic() - began > BUDGET_S:
                say(f"time is up after {number} of {self.repeat} rounds")
                return
            yield number


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
