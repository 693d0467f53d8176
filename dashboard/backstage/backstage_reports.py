"""How a web process knows of a backstage in another process: that one writes down how its parts are, every second."""

import json
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Now

from dashboard.backstage.health import Health, Report
from dashboard.backstage.lease import holder_now
from dashboard.models import BackstageReport

SILENT_AFTER = timedelta(seconds=3)
FORGET_AFTER = timedelta(minutes=1)
LEAD = "lead"
NOBODY_LEADS = "no process leads at the moment; sagas are accepted, and are fed when one has taken over"
NOBODY = (
    f"no process that projects was heard of for {SILENT_AFTER.seconds} s: "
    "sagas under way go on, new ones wait, and so does this page"
)


class Reporter:
    """Says how the parts of this process are, under the name of this process."""

    def __init__(self, instance: str, health: Health) -> None:
        self._instance = instance
        self._health = health

    def run_once(self) -> bool:
        """Say it, and forget who has gone. Raises DatabaseError."""
        said = {"parts": json.dumps(self._health.report()), "said_at": Now()}
        BackstageReport.objects.update_or_create(instance=self._instance, defaults=said)
        BackstageReport.objects.exclude(_within(FORGET_AFTER)).delete()
        return False

    def close(self) -> None:
        """What was said last is soon too old to count."""


def parts_elsewhere() -> Report:
    """Return how the parts of all living backstages are, each once, the worst that is said of it."""
    try:
        said = _living()
    except DatabaseError:
        return []  # of that, the database's own probe tells
    parts: dict[str, dict[str, object]] = {}
    for part in [part for report in said.values() for part in json.loads(report)]:
        if parts.get(part["name"], {"ok": True})["ok"]:
            parts[part["name"]] = part
    parts.pop("database", None)
    return list(parts.values()) or [{"name": "projector", "ok": False, "detail": NOBODY}]


def leadership() -> Report:
    """Return which of the living backstages leads, and which stand by to take over."""
    try:
        living, leader = list(_living()), holder_now()
    except DatabaseError:
        return []
    if not living:
        return []  # that they are missing is told of their parts
    if not leader:
        return [{"name": LEAD, "ok": False, "detail": NOBODY_LEADS}]
    standing_by = ", ".join(instance for instance in living if instance != leader)
    detail = f"{leader} leads, {standing_by or 'nobody'} stands by"
    return [{"name": LEAD, "ok": True, "detail": detail}]


def _living() -> dict[str, str]:
    """Return what each process has said of its parts a moment ago."""
    living = BackstageReport.objects.filter(_within(SILENT_AFTER)).order_by("instance")
    return dict(living.values_list("instance", "parts"))


def _within(time: timedelta) -> Q:
    # Either way: what is yet to come was said before the clock of the database was set back.
    return Q(said_at__gt=Now() - time, said_at__lt=Now() + time)
