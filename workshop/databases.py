"""Which table lives in which database."""

from typing import Any

READ_MODEL = "default"


class LedgerRouter:
    """The dashboard's tables are in the read model, the services' in every ledger; who uses a ledger names it."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if app_label == "consumers":
            return db != READ_MODEL
        return db == READ_MODEL
