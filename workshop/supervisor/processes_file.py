"""The file that tells the web server, and so the page, how the processes are."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from workshop.supervisor.child import Child


def write_processes(path: Path, children: Iterable[Child]) -> None:
    """Replace the file at once: a reader sees all of the old state, or all of the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps([_describe(child) for child in children], indent=1))
    os.replace(draft, path)


def _describe(child: Child) -> dict[str, object]:
    return {
        "name": child.spec.name,
        "services": child.spec.services,
        "pid": child.pid,
        "state": child.state,
        "restarts": child.restarts,
        "exit": child.exit,
    }
