"""Brings every database up to date before anything else uses it."""

from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


def migrate_all() -> None:
    for alias in connections:
        # Asking first is quick; the command is not, even when it finds nothing to do.
        if _is_behind(alias):
            call_command("migrate", database=alias, interactive=False, verbosity=0)
    connections.close_all()


def _is_behind(alias: str) -> bool:
    executor = MigrationExecutor(connections[alias])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
