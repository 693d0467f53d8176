"""Starts Python programs as copies of one process that has loaded already what they share.

Loading is most of what a service does before it can work, and several of them would do it side by side on a few cores.
The fork server of the standard library does it once. A copy then runs its program from the first line, as if that had
been started by itself.
"""

import asyncio
import multiprocessing
import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_AROUND = "workshop.supervisor.fork_server"
# The library keeps the fork server's socket in a temporary directory, and deletes that unless it is killed.
_LEFT = "pymp-*"
_LONGEST_DIRECTORY = 107 - len("/pymp-01234567/listener-01234567")

# One thread for all that is asked of the library: it does not expect two, and a start may take as long as the loading.
_thread = ThreadPoolExecutor(1, "copies")


class Copy:
    """To a copy what `asyncio.subprocess.Process` is to a program that was started by itself."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid
        self.pid = process.pid
        self._process = process

    async def wait(self) -> int:
        """Return the exit status, or minus the number of the signal; 255 if the one that it is a copy of has died."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        return await loop.run_in_executor(_thread, self._exit_status)

    def _exit_status(self) -> int:
        self._process.join()
        status = self._process.exitcode
        self._process.close()
        assert status is not None
        return status


def keep_below(directory: Path) -> None:
    """Let what the library needs on the disk lie below `directory`, and delete what one that was killed has left.

    Where the name of a socket there would be too long, it stays in the system's temporary directory.
    """
    for left in directory.glob(_LEFT):
        shutil.rmtree(left, ignore_errors=True)
    if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = os.fspath(directory)


async def start_copy(
    argv: Sequence[str], *, preload: str, stdin: int, stdout: int, env: Mapping[str, str], pass_fds: Sequence[int]
) -> Copy:
    """Run `argv`, an interpreter and its script, in a copy of a process that has imported the module `preload`.

    Raises OSError.
    """
    multiprocessing.set_forkserver_preload([_AROUND, preload])
    with ExitStack() as given:
        ends = [given.enter_context(Connection(os.dup(number))) for number in (stdin, stdout, *pass_fds)]
        # A daemon is nobody that the end of this process waits for: all have ended by then, or end with it.
        process = multiprocessing.get_context("forkserver").Process(target=_run, args=(argv, env, ends), daemon=True)
        try:
            await asyncio.get_running_loop().run_in_executor(_thread, process.start)
        except EOFError as error:
            raise OSError(f"loading {preload} has failed") from error
    return Copy(process)


def _run(argv: Sequence[str], env: Mapping[str, str], ends: Sequence["Connection[object, object]"]) -> None:
    """Become the program. What was passed on beside its input and output stays open as long as it runs."""
    os.setsid()
    stdin, stdout, *_ = ends
    for number, end in enumerate((stdin, stdout, stdout)):
        os.dup2(end.fileno(), number)
    stdin.close()
    stdout.close()
    os.environ.update(env)
    sys.argv[:] = argv[1:]
    try:
        runpy.run_path(argv[1], run_name="__main__")
    except Exception:  # told as the program wants it to be told, which the library does not
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
