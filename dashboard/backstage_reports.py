"""How a web process knows of a backstage in another process: that one writes down how its parts are, every second."""

import json
import threading
from datetime import timedelta

from django.db import DatabaseError
from django.db.models.functions import Now

from dashboard.health import Health, Report
from dashboard.models import BackstageReport

INTERVAL_S = 1.0
SILENT_AFTER = timedelta(seconds=3)
FORGET_AFTER = timedelta(minutes=1)
NOBODY = f"no process that projects was heard of for {SILENT_AFTER.seconds} s; sagas go on, this page does not"


class Reporter:
    """Says how the parts of this process are, under the name of this process."""

    def __init__(self, instance: str, health: Health) -> None:
        self._instance = instance
        self._health = health
        self._pause = threading.Event()

    def run_once(self) -> bool:
        """Say it, forget who has gone, then wait for the next second. Raises DatabaseError."""
        said = {"parts": json.dumps(self._health.report()), "said_at": Now()}
        BackstageReport.objects.update_or_create(instance=self._instance, defaults=said)
        BackstageReport.objects.filter(said_at__lt=Now() - FORGET_AFTER).delete()
        self._pause.wait(INTERVAL_S)
        return True

    def close(self) -> None:
        """What was said last is soon too old to count."""


def parts_elsewhere() -> Report:
    """Return how the parts of all living backstages are, each once, the worst that is said of it."""
    try:
        living = BackstageReport.objects.filter(said_at__gt=Now() - SILENT_AFTER).order_by("instance")
        said = [json.loads(parts) for parts in living.values_list("parts", flat=True)]
    except DatabaseError:
        return []  # of that, the database's own probe tells
    parts: dict[str, dict[str, object]] = {}
    for part in [part for report in said for part in report]:
        if parts.get(part["name"], {"ok": True})["ok"]:
            parts[part["name"]] = part
    parts.pop("database", None)
    return list(parts.values()) or [{"name": "projector", "ok": False, "detail": NOBODY}]
