from django.apps import AppConfig


class WorkshopConfig(AppConfig):
    name = "workshop"

    def ready(self) -> None:
        """Let the auditor, and nobody else, look into every ledger."""
        from consumers.ledger import Ledger
        from dashboard.invariants import AUDITOR
        from saga.topics import SERVICES

        for service in SERVICES:
            AUDITOR.add_ledger(service, Ledger(service).effects)
