"""Waiting in tests: for a condition, with a deadline far above what it takes, never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0
LOOK_EVERY_S = 0.01


def eventually(condition: Callable[[], T], *, within_s: float = DEADLINE_S) -> T:
    """Return what `condition` gives, once that is true."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {within_s:g} s: {condition}"
        threading.Event().wait(LOOK_EVERY_S)
    return found
