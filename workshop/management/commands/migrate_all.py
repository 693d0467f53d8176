"""`manage.py migrate_all`: bring the read model and every ledger up to date, and end."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workshop.checks import TAG
from workshop.schema import CannotReach, migrate_all


class Command(BaseCommand):
    help = "Bring the tables of every database up to date."
    requires_system_checks = (TAG,)

    def handle(self, **options: Any) -> None:
        try:
            migrate_all()
        except CannotReach as reason:
            raise CommandError(str(reason)) from reason
