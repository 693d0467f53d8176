from django.apps import AppConfig


class WorkshopConfig(AppConfig):
    name = "workshop"

    def ready(self) -> None:
        """Register the checks, and let the auditor, and nobody else, look into every ledger."""
        from django.conf import settings

        from consumers.ledger import Ledger
        from consumers.log_store import SagaLogStore
        from dashboard.invariants import AUDITOR
        from saga.definitions import COORDINATOR
        from saga.topics import PARTICIPANTS
        from workshop import checks  # noqa: F401 (registers itself)

        for service in PARTICIPANTS:
            AUDITOR.add_ledger(service, Ledger(service).effects)
        AUDITOR.add_log(SagaLogStore(COORDINATOR).ends)
        AUDITOR.deadline_s = settings.CONFIG.saga_deadline_s
