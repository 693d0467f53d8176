"""How the board looks on the websocket: JSON, one text frame a message."""

import json
from typing import Any

from dashboard.readmodel.board import View, without_steps
from dashboard.readmodel.clock import utc_now

Health = list[dict[str, Any]]


def view(kind: str, view: View, *, trace: bool, health: Health) -> str:
    """Return a snapshot or a delta, for somebody who traces or does not."""
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
    return _json(frame | ({"older": view.older} if kind == "snapshot" else {}))


def older(rows: list[dict[str, Any]], older: int | None, *, trace: bool) -> str:
    return _json({"type": "page", "sagas": rows if trace else without_steps(rows), "older": older})


def health(seq: int, health: Health) -> str:
    return _json({"type": "health", "seq": seq, "health": health})


def error(detail: str) -> str:
    return _json({"type": "error", "detail": detail})


def _json(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))
