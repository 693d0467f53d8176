"""Brings every database up to date before anything else uses it."""

from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from workshop.databases import READ_MODEL


class CannotReach(Exception):
    """Raised when a database lets nobody in; the message is a line that says which, and why."""


def migrate_all() -> None:
    """Make the tables that are missing. Raises CannotReach."""
    # Asking first is quick; the command is not, even when it finds nothing to do. And there is one database a service.
    wanted = set(MigrationLoader(None).disk_migrations)
    for alias in connections:
        _try(alias)
        if wanted - MigrationRecorder(connections[alias]).applied_migrations().keys():
            call_command("migrate", database=alias, interactive=False, verbosity=0)
    connections.close_all()


def _try(alias: str) -> None:
    trial = connections[alias].copy()
    trial.settings_dict["OPTIONS"].pop("pool", None)  # it would only say that it has waited in vain
    try:
        trial.ensure_connection()
    except OperationalError as error:
        raise CannotReach(f"{_what(alias)} cannot be reached: {' '.join(str(error).split())}{_hint(alias)}") from error
    finally:
        trial.close()


def _what(alias: str) -> str:
    return "The read model" if alias == READ_MODEL else f"The ledger of {alias}"


def _hint(alias: str) -> str:
    if alias == READ_MODEL or connections[alias].vendor != "postgresql":
        return ""
    return " (if there is no such database yet: deploy/postgres/create-ledgers.sh creates those of the ledgers)"
