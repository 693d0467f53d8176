"""Whether a process of the workshop is at work, for whoever watches containers.

python -m workshop.alive web            exit status 0 if it answers
python -m workshop.alive provisioner    exit status 0 if its heart beat in the last ten seconds, and somebody took it

It is asked every few seconds in every container, so it needs little, and loads nothing that takes time: a library for
HTTP would make it ten times as dear.
"""

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

SILENT_AFTER_S = 10.0
ANSWER_S = 5.0


def beat(run_dir: Path, name: str) -> None:
    """Note that the process of this name is at work now."""
    run_dir.mkdir(parents=True, exist_ok=True)
    _note(run_dir, name).touch()


def is_alive(run_dir: Path, name: str) -> bool:
    with suppress(FileNotFoundError):
        # Either way: a beat that is yet to come was noted before the clock was set back.
        return abs(time.time() - _note(run_dir, name).stat().st_mtime) < SILENT_AFTER_S
    return False


def answers(port: str) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=ANSWER_S) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with connection.makefile("rb") as answer:
            return answer.readline().split()[1:2] == [b"200"]
    return False


def _note(run_dir: Path, name: str) -> Path:
    return run_dir / f"alive-{name}"


def main() -> None:
    name = sys.argv[1]
    var_dir = Path(os.environ.get("VAR_DIR") or Path(__file__).resolve().parents[1] / "var").expanduser()
    run_dir = var_dir / "run"
    is_well = answers(os.environ.get("PORT") or "8000") if name == "web" else is_alive(run_dir, name)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
