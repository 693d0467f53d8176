"""Waiting in tests: for a condition, with a deadline far above what it takes, never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.2
"""Whoever looks at a workshop all the time slows down what it waits for."""


def eventually(condition: Callable[[], T], *, within_s: float = DEADLINE_S) -> T:
    """Return what `condition` gives, once that is true."""
    deadline, pause = time.monotonic() + within_s, FIRST_PAUSE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {within_s:g} s: {condition}"
        threading.Event().wait(pause)
        pause = min(LONGEST_PAUSE_S, 1.5 * pause)
    return found
