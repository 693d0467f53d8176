"""How the bench was asked to run, and how it says what it is doing."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`repeat`: how often each figure is taken; `sagas`: how many travel in one measurement of throughput."""

    repeat: int
    sagas: int


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
