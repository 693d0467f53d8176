"""`manage.py consume NAME`: one instance of one service, or of several that share a process."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from saga.topics import SERVICES
from workshop.checks import TAG
from workshop.processes import HOSTED
from workshop.service_process import ServiceProcess


class Command(BaseCommand):
    help = "Run one instance of a service until SIGTERM."
    requires_system_checks = (TAG,)  # all others would load the web server as well

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service", choices=[*SERVICES, *HOSTED])

    def handle(self, *, service: str, **options: Any) -> None:
        process = ServiceProcess(service, settings.CONFIG)

        def on_signal(number: int, frame: object) -> None:
            # The first one asks; a second finds the default, which ends the process at once.
            signal.signal(number, signal.SIG_DFL)
            process.stop()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        process.run()
