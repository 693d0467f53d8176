"""The directory that holds everything a run leaves behind, and the lock that keeps two runs out of one directory.

python -m workshop.state    empties it (`make clean-state`); needs nothing but the standard library
"""

import fcntl
import os
import shutil
import sys
import time
from pathlib import Path

LOCK_NAME = "run.lock"
PATIENCE_S = 10.0
"""How long the processes of a run that was killed may take to notice and end."""


class StateDirBusy(Exception):
    """Raised when another run uses the state directory."""


def lock(state_dir: Path) -> int:
    """Return the open lock file. Hand it to child processes: the lock holds until the last of them has ended.

    Waits while what holds it is only the rest of a run whose supervisor is dead. Raises StateDirBusy.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + PATIENCE_S
    while not try_lock(descriptor):
        holder = os.read(descriptor, 20).decode() or "?"
        if _is_alive(holder) or time.monotonic() > deadline:
            os.close(descriptor)
            raise StateDirBusy(f"Another run (process {holder}) uses {state_dir}: stop it, or give another VAR_DIR.")
        os.lseek(descriptor, 0, os.SEEK_SET)
        time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Lock an open file, unless it is locked already; the lock ends with the last process that has the file open."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def empty(state_dir: Path) -> None:
    """Remove everything in the directory. Raises StateDirBusy."""
    descriptor = lock(state_dir)
    for entry in sorted(state_dir.iterdir(), key=lambda entry: entry.name == LOCK_NAME):  # the lock goes last
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    os.close(descriptor)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def main() -> None:
    own = Path(__file__).resolve().parent.parent / "var"
    state_dir = Path(os.environ.get("VAR_DIR") or own).expanduser()
    # VAR_DIR may name anything, somebody's home too: only what a run has used is emptied.
    if state_dir != own and not (state_dir / LOCK_NAME).exists():
        sys.exit(f"{state_dir} was not used by a run and is left alone.")
    try:
        empty(state_dir)
    except StateDirBusy as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
