"""`manage.py project`: what keeps the read model true, in a process without a web server."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.live import nudge
from workshop.backstage import Backstage, hear_wishes
from workshop.checks import TAG
from workshop.config import Config


class Command(BaseCommand):
    help = "Project what the services say, relay, herald, keep deadlines and monitor, until SIGTERM."
    requires_system_checks = (TAG,)

    def handle(self, **options: Any) -> None:
        config: Config = settings.CONFIG
        if config.backstage:
            raise CommandError("The web process does this itself. Set BACKSTAGE=false for both to have it done here.")
        asyncio.run(project(config))


async def project(config: Config) -> None:
    backstage = Backstage(config, nudge.from_threads_of(asyncio.get_running_loop()))
    await hear_wishes()
    backstage.start()
    await told_to_stop()
    await asyncio.to_thread(backstage.stop)


async def told_to_stop() -> None:
    """Return at the first SIGTERM or SIGINT; a second finds the default, which ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
