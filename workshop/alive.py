"""Whether a process of the workshop is at work, for whoever watches containers.

python -m workshop.alive web            exit status 0 if it answers
python -m workshop.alive provisioner    exit status 0 if its heart beat in the last ten seconds, and somebody took it

It is asked every few seconds in every container, so it needs nothing but the standard library.
"""

import os
import sys
import time
import urllib.request
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
    # By itself it would ask a proxy that the environment names, for whom 127.0.0.1 is another machine.
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError), straight.open(f"http://127.0.0.1:{port}/healthz", timeout=ANSWER_S) as answer:
        return bool(answer.status == 200)
    return False


def _note(run_dir: Path, name: str) -> Path:
    return run_dir / f"alive-{name}"


def main() -> None:
    name = sys.argv[1]
    run_dir = Path(os.environ.get("VAR_DIR") or "var") / "run"
    is_well = answers(os.environ.get("PORT") or "8000") if name == "web" else is_alive(run_dir, name)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
