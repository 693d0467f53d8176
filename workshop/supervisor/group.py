"""All processes of a run, together: started in the order given, kept alive, and ended in order."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from workshop.supervisor.child import Child, Say
from workshop.supervisor.copies import keep_below
from workshop.supervisor.processes_file import write_processes
from workshop.supervisor.spec import ProcessSpec

ONE_MOMENT_S = 0.5
"""Signals this close together are one: a group is signalled as a whole, and make passes its own on as well."""
STARTER_CHECK_S = 0.5
NOTE_AGAIN_S = 1.0


class Supervisor:
    """Runs processes until a signal asks it to stop; a second signal kills them."""

    def __init__(
        self, specs: Sequence[ProcessSpec], *, say: Say, processes_file: Path, pass_fds: Sequence[int] = ()
    ) -> None:
        self._say = say
        self._processes_file = processes_file
        self._children = [Child(spec, say=say, on_change=self._note, pass_fds=pass_fds) for spec in specs]
        self._stop_asked = asyncio.Event()
        self._stop_asked_at = 0.0
        self._note_again: asyncio.TimerHandle | None = None

    async def run(self, meanwhile: Coroutine[Any, Any, None] | None = None, *, stop_with_starter: bool = False) -> None:
        """Return when every process has ended. `meanwhile` runs beside them, and is given up when they are stopped."""
        self._listen_to_signals()
        keep_below(self._processes_file.parent)
        async with asyncio.TaskGroup() as tasks:
            for child in self._children:
                tasks.create_task(child.keep_alive())
            company = [tasks.create_task(meanwhile)] if meanwhile else []
            company += [tasks.create_task(self._watch_starter())] if stop_with_starter else []
            await self._stop_asked.wait()
            for task in company:
                task.cancel()
            await self._stop_in_order()
        self._processes_file.unlink(missing_ok=True)

    def on_signal(self) -> None:
        now = time.monotonic()
        if not self._stop_asked.is_set():
            self._stop_asked_at = now
            self._stop_asked.set()
        elif now - self._stop_asked_at > ONE_MOMENT_S:
            self._say("workshop", "killing what is left")
            for child in self._children:
                child.kill()

    async def _stop_in_order(self) -> None:
        """The broker is needed by the others to commit and to leave their groups: it goes last."""
        self._say("workshop", "stopping")
        for last in (False, True):
            stage = [child for child in self._children if child.spec.outlasts_others is last]
            await asyncio.gather(*(child.stop() for child in stage))
        self._say("workshop", "stopped")

    async def _watch_starter(self) -> None:
        """Stop when the parent has died or the terminal was closed, of which make tells nobody."""
        started_by = _starter()
        while _starter() == started_by:
            await asyncio.sleep(STARTER_CHECK_S)
        self.on_signal()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup, the end of the terminal is to be ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self.on_signal)

    def _note(self) -> None:
        """The page reads it; that a disk is full must end nothing that it tells of."""
        try:
            write_processes(self._processes_file, self._children)
        except OSError as error:
            if self._note_again:
                self._note_again.cancel()
            else:
                self._say("workshop", f"cannot write down how the processes are: {error}")
            self._note_again = asyncio.get_running_loop().call_later(NOTE_AGAIN_S, self._note)
        else:
            self._note_again = None


def _starter() -> tuple[int, bool]:
    return os.getppid(), os.isatty(0)
