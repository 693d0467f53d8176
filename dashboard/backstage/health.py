"""What this process depends on, and how each dependency is at this moment."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError

from dashboard.models import Board, Service
from dashboard.readmodel.services import row_of

Probe = Callable[[], str]
Report = list[dict[str, Any]]


class Health:
    """Named probes; each returns what is wrong in plain words, or nothing."""

    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {"database": _database}
        self._elsewhere: list[Callable[[], Report]] = []

    def watch(self, name: str, probe: Probe) -> None:
        self._probes[name] = probe

    def watch_elsewhere(self, report: Callable[[], Report]) -> None:
        """Add what another process says of its own parts."""
        self._elsewhere.append(report)

    def report(self) -> Report:
        """Return [{"name", "ok", "detail"}] for each dependency, asked now."""
        troubles = {name: probe() for name, probe in self._probes.items()}
        own = [{"name": name, "ok": not trouble, "detail": trouble} for name, trouble in troubles.items()]
        if troubles["database"]:
            return own  # the others tell it how they are, so there is nothing to ask, and asking takes seconds
        return own + [part for report in self._elsewhere for part in report()]


def _database() -> str:
    try:
        Board.current()
    except DatabaseError as error:
        return f"the database does not answer: {error}"
    return ""


def service_reports() -> Report:
    """Return the same for each service. One that was stopped by request is as it should be."""
    try:
        rows = [row_of(service) for service in Service.objects.order_by("name")]
    except DatabaseError as error:
        return [{"name": "services", "ok": False, "detail": f"how they are cannot be read: {error}"}]
    return [
        {
            "name": row["name"],
            "ok": row["state"] == "running" or (not row["running"] and row["state"] == "stopped"),
            "detail": " ".join(filter(None, (row["state"], row["detail"]))) if row["state"] != "running" else "",
        }
        for row in rows
    ]


# This process's own; whoever starts a part of the process adds its probe.
HEALTH = Health()
