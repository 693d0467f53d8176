"""What a loop runs in tests: workers that do as they are told, and whoever opens them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workshop.loop import Loop


class Worker:
    """Does what it is told to in each cycle, else waits a little."""

    def __init__(self, cycle: Callable[[], object] = lambda: None, *, is_busy: bool = False) -> None:
        self.is_busy = is_busy
        self.cycles = 0
        self.closed = False
        self._cycle = cycle

    def run_once(self) -> bool:
        self._cycle()
        self.cycles += 1
        threading.Event().wait(0.001)
        return self.is_busy

    def close(self) -> None:
        self.closed = True


def failing_with(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


class Opener:
    """Opens the workers that it was given, one after the other, and then ordinary ones."""

    def __init__(self, *first: Worker | Exception) -> None:
        self.opened: list[Worker] = []
        self._first = list(first)

    def __call__(self, stop: threading.Event) -> Worker:
        following = self._first.pop(0) if self._first else Worker()
        if isinstance(following, Exception):
            raise following
        self.opened.append(following)
        return following

    def runs_number(self, number: int) -> bool:
        return len(self.opened) == number and self.opened[-1].cycles > 0


@contextmanager
def running(loop: Loop[Worker]) -> Iterator[None]:
    thread = loop.start()
    try:
        yield
    finally:
        loop.stop()
        thread.join()
