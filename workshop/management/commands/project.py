"""`manage.py project`: what keeps the read model true, in a process without a web server."""

import asyncio
import signal
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard import nudge, outbox, services
from dashboard.ear import Ear
from workshop.backstage import Backstage
from workshop.checks import TAG
from workshop.config import Config

LAST_CYCLE_S = 5.0


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
    await Ear(get_channel_layer(), nudge.WISHES, look_for_wishes).open()
    threads = backstage.start()
    await told_to_stop()
    backstage.stop()
    for thread in threads:
        await asyncio.to_thread(thread.join, LAST_CYCLE_S)


def look_for_wishes() -> None:
    """Wake the relay and the herald: which of the two is meant, the tables tell."""
    outbox.news.set()
    services.news.set()


async def told_to_stop() -> None:
    """Return at the first SIGTERM or SIGINT; a second finds the default, which ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
