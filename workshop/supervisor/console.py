"""One screen for many processes: whole lines, each with the name of the process it comes from."""

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Sequence

from workshop.logs import of_process

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
LINES_KEPT = 2000


class Console:
    """Writes to standard output, from a thread of its own.

    A terminal that is paused, or a pipe that nobody reads, blocks its writer for good. That must not be the
    supervisor: soon every process would wait for its output to be taken. So lines queue up here; when there are too
    many, the oldest are given up, and their number is said. `as_json`: every line is JSON that names its process.
    """

    def __init__(self, names: Sequence[str], *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._width = max(map(len, names))
        self._colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._lost = 0
        self._is_closing = False
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write_all, name="console", daemon=True)
        self._writer.start()

    def say(self, name: str, line: str) -> None:
        """Show a line of a process."""
        self._add(of_process(name, line) if self._as_json else self._with_prefix(name, line))

    def show(self, line: str) -> None:
        """Show a line for the person who started all of this."""
        self._add(of_process("workshop", line) if self._as_json else line)

    def _with_prefix(self, name: str, line: str) -> str:
        prefix = f"{name:{self._width}} | "
        if self._is_coloured and name in self._colours:
            prefix = f"\033[{self._colours[name]}m{prefix}\033[0m"
        return prefix + line

    def _add(self, line: str) -> None:
        with self._changed:
            self._lost += len(self._lines) == LINES_KEPT
            self._lines.append(line)
            self._changed.notify()

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what is left, if somebody reads it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._writer.join(timeout_s)

    def _write_all(self) -> None:
        while data := self._next():
            try:
                _write(data)
            except OSError:  # nobody will ever read it; the processes are worth more than their output
                return

    def _next(self) -> bytes:
        """Wait for lines and return them all; nothing when there will be none any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._is_closing)
            lines = [self._loss()] if self._lost else []
            lines += self._lines
            self._lines.clear()
            self._lost = 0
        return "".join(f"{line}\n" for line in lines).encode(errors="replace")

    def _loss(self) -> str:
        loss = f"({self._lost} lines were not read in time and are lost)"
        return of_process("workshop", loss) if self._as_json else loss


def _write(data: bytes) -> None:
    # Not by sys.stdout: a thread inside its buffer makes the interpreter abort when it shuts down.
    descriptor = sys.stdout.fileno()
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # whoever shares this end with us has made it so
            select.select([], [descriptor], [])
