"""`manage.py serve`: the web server, and what keeps the read model true."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard import nudge
from workshop import machine
from workshop.asgi import application
from workshop.backstage import Backstage
from workshop.web_server import BoundedServer


class Command(BaseCommand):
    help = "Serve the page and the API, and project what the services say, until SIGTERM."

    def handle(self, **options: Any) -> None:
        config = settings.CONFIG
        host = machine.in_url(config.host).replace(":", r"\:")
        backstage: list[Backstage] = []

        def start_backstage() -> None:
            backstage.append(Backstage(config, nudge.from_threads_of(asyncio.get_event_loop())))
            backstage[0].start()

        BoundedServer(
            application=application,
            endpoints=[f"tcp:port={config.port}:interface={host}"],
            ready_callable=start_backstage,
            server_name="saga-workshop",
        ).run()
        for one in backstage:
            one.stop()
