"""Sagas that begin at a steady pace, as a class makes them, while something else is measured."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.stack import Stack

EVERY_S = 0.1


class Load:
    """Starts `sagas_per_s` onboardings from when it is made until it is ended; `saga_ids` have been accepted."""

    def __init__(self, stack: Stack, sagas_per_s: float) -> None:
        self.saga_ids: list[str] = []
        self._stack = stack
        self._sagas_per_s = sagas_per_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._began = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """Start no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_S):
            owed = int((time.monotonic() - self._began) * self._sagas_per_s) - len(self.saga_ids)
            if owed > 0:
                self.saga_ids += self._stack.onboard(owed)


@contextmanager
def steady_load(stack: Stack, *, sagas_per_s: float) -> Iterator[Load]:
    load = Load(stack, sagas_per_s)
    try:
        yield load
    finally:
        load.end()
