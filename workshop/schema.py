"""Brings every database up to date before anything else uses it."""

from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def migrate_all() -> None:
    # Asking first is quick; the command is not, even when it finds nothing to do. And there is one database a service.
    wanted = set(MigrationLoader(None).disk_migrations)
    for alias in connections:
        if wanted - MigrationRecorder(connections[alias]).applied_migrations().keys():
            call_command("migrate", database=alias, interactive=False, verbosity=0)
    connections.close_all()
