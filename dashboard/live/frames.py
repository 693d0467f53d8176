"""How the board looks on the websocket: JSON, one text frame a message."""

import json
from typing import Any

from dashboard.backstage.health import Report
from dashboard.readmodel.board import View, without_steps
from dashboard.readmodel.clock import utc_now


def view(kind: str, view: View, *, trace: bool, health: Report, resumed: bool = False) -> str:
    """Return a snapshot or a delta, for somebody who traces or does not. `resumed`: it answers a `resume`."""
    frame = {
        "type": kind,
        "seq": view.seq,
        "trace": trace,
        "now": utc_now(),
        "sagas": view.sagas if trace else without_steps(view.sagas),
        "counters": view.counters,
        "services": view.services,
        "health": health,
    }
    if kind == "snapshot":
        frame |= {"older": view.older, "run": view.run}
    return _json(frame | _answer(resumed))


def older(rows: list[dict[str, Any]], older: int | None, *, before: int, trace: bool) -> str:
    shown = rows if trace else without_steps(rows)
    return _json({"type": "page", "before": before, "sagas": shown, "older": older})


def health(seq: int, health: Report, *, resumed: bool = False) -> str:
    """Return how all parts are; with `resumed`, that nothing has changed since the moment that a `resume` named."""
    return _json({"type": "health", "seq": seq, "health": health} | _answer(resumed))


def error(detail: str) -> str:
    return _json({"type": "error", "detail": detail})


def _answer(resumed: bool) -> dict[str, Any]:
    return {"resumed": True} if resumed else {}


def _json(frame: dict[str, Any]) -> str:
    text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
    # Half a character, as the name of a file in somebody's error may hold, cannot be sent: a question mark stands in.
    return text.encode(errors="replace").decode()
