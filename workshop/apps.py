import sys

from django.apps import AppConfig


class WorkshopConfig(AppConfig):
    name = "workshop"

    def ready(self) -> None:
        """Register the checks, let the auditor, and nobody else, look into every ledger, and log how a process dies."""
        from django.conf import settings

        from consumers import inspection
        from dashboard.auditor.invariants import AUDITOR
        from saga.definitions import COORDINATOR
        from saga.topics import PARTICIPANTS
        from workshop import checks  # noqa: F401 (registers itself)
        from workshop.logs import log_uncaught
        from workshop.snapshots import snapshot

        if settings.CONFIG.log_format == "json":
            sys.excepthook = log_uncaught
        for service in PARTICIPANTS:
            AUDITOR.add_ledger(inspection.of_ledger(service))
        AUDITOR.add_log(inspection.of_log(COORDINATOR))
        AUDITOR.snapshot = snapshot
        AUDITOR.deadline_s = settings.CONFIG.saga_deadline_s
