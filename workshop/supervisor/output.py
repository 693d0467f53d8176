"""A child's output, cut into lines."""

import asyncio
import os
from collections.abc import Callable

LONGEST_LINE = 16_384
CHUNK = 65_536


class LineCutter:
    """Turns chunks of bytes into lines of text; a line longer than LONGEST_LINE is cut, so that memory is bounded."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        while len(self._rest) > LONGEST_LINE:
            lines.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def rest(self) -> list[str]:
        """Return a last line that has no end, if there is one."""
        return self.feed(b"\n") if self._rest else []


class OutputPipe:
    """The pipe a child writes into. It is read here and not by asyncio's streams, which wait for the end of the
    output before they tell of the end of the process: a grandchild that keeps the pipe open would hide its death."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.child_end: int | None
        self._end, self.child_end = os.pipe()
        self._on_line = on_line
        self._cutter = LineCutter()
        os.set_blocking(self._end, False)
        asyncio.get_running_loop().add_reader(self._end, self._read)

    def hand_over(self) -> None:
        """Let go of the child's end: it has one of its own now, or there is no child."""
        if self.child_end is not None:
            os.close(self.child_end)
            self.child_end = None

    def close(self) -> None:
        """Take what is still in the pipe, and let go of it."""
        self.hand_over()
        while self._read():
            pass
        for line in self._cutter.rest():
            self._on_line(line)
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._end, CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._end)
        for line in self._cutter.feed(chunk):
            self._on_line(line)
        return bool(chunk)
