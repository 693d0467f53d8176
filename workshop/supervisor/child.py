"""One process: started, listened to, started again when it dies, and ended."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Literal

from workshop import leash
from workshop.supervisor.copies import Copy, start_copy
from workshop.supervisor.output import OutputPipe
from workshop.supervisor.spec import BACKOFF_S, ProcessSpec, count_deaths, restart_delay

GRACE_S = 5.0

State = Literal["starting", "running", "restarting", "stopped"]
Say = Callable[[str, str], None]
"""Shows a line of a process: its name, and the line."""


class Child:
    """Keeps one process alive; `on_change` is called whenever a public attribute has changed."""

    def __init__(self, spec: ProcessSpec, *, say: Say, on_change: Callable[[], None], pass_fds: Sequence[int]) -> None:
        self.spec = spec
        self.state: State = "starting"
        self.pid: int | None = None
        self.restarts = 0
        self.exit: str | None = None
        self._say = say
        self._on_change = on_change
        self._pass_fds = pass_fds
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    async def keep_alive(self) -> None:
        """Run the process, again and again, until `stop` or `kill` is called."""
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            self.exit = await self._live()
            if not self._stopping.is_set():
                deaths = count_deaths(deaths, lived_s=time.monotonic() - started)
                await self._wait_for_restart(deaths)
        self._become("stopped")
        self._ended.set()

    async def stop(self) -> None:
        """Ask the process to end, and make it end when it takes too long."""
        self._stopping.set()
        self._ask_to_end()
        try:
            await asyncio.wait_for(self._ended.wait(), GRACE_S)
        except TimeoutError:
            self._tell(f"has not ended within {GRACE_S:g} s and is killed")
            self.kill()
            await self._ended.wait()

    def kill(self) -> None:
        """End the process at once, and everything it started."""
        self._stopping.set()
        self._kill_group()

    async def _live(self) -> str:
        """Run the process once; return how it ended."""
        try:
            code = await self._run()
        except OSError as error:  # there is no such program, or no room for another process at the moment
            return f"it cannot be started: {error}"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    async def _run(self) -> int:
        with closing(OutputPipe(lambda line: self._say(self.spec.name, line))) as output:
            leash_end, own_end = os.pipe()
            try:
                process = await self._start(leash_end, output)
                return await process.wait()
            finally:
                self._kill_group()
                self.pid = None
                os.close(own_end)

    async def _start(self, stdin: int, output: OutputPipe) -> asyncio.subprocess.Process | Copy:
        env = {**os.environ, "PYTHONUNBUFFERED": "1", leash.VARIABLE: "stdin", **self.spec.env}
        given = {"stdin": stdin, "stdout": output.child_end, "env": env, "pass_fds": self._pass_fds}
        try:
            if self.spec.preload:
                process = await start_copy(self.spec.argv, preload=self.spec.preload, **given)
            else:
                # Ctrl-C in the terminal is then for the supervisor alone, which ends everything in order.
                own = {"stderr": asyncio.subprocess.STDOUT, "start_new_session": True}
                process = await asyncio.create_subprocess_exec(*self.spec.argv, **own, **given)
        finally:
            os.close(stdin)
            output.hand_over()
        self.pid = process.pid
        self._become("running")
        if self._stopping.is_set():
            self._ask_to_end()
        return process

    async def _wait_for_restart(self, deaths: int) -> None:
        delay = restart_delay(deaths)
        self._become("restarting")
        self._tell(f"has ended ({self.exit}) and is started again in {delay:g} s")
        if deaths == len(BACKOFF_S):
            self._tell(f"has now died {deaths} times in a row; its own lines say why, and it is still tried")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay)
        self.restarts += 1

    def _become(self, state: State) -> None:
        self.state = state
        self._on_change()

    def _tell(self, fact: str) -> None:
        self._say("workshop", f"{self.spec.name} {fact}")

    def _ask_to_end(self) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _kill_group(self) -> None:
        """The process leads a session of its own, so that its group holds it and what it started, nothing else."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
