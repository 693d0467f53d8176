"""`manage.py serve`: the web server, and with it, unless told otherwise, what keeps the read model true."""

import asyncio
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard import nudge
from dashboard.backstage_reports import parts_elsewhere
from dashboard.health import HEALTH
from workshop import machine
from workshop.asgi import application
from workshop.backstage import Backstage
from workshop.channel_layer import RedisProbe
from workshop.config import Config
from workshop.web_server import BoundedServer


class Command(BaseCommand):
    help = "Serve the page and the API, and project what the services say, until SIGTERM."

    def handle(self, **options: Any) -> None:
        config: Config = settings.CONFIG
        backstage: list[Backstage] = []

        def start_backstage() -> None:
            backstage.append(Backstage(config, nudge.from_threads_of(asyncio.get_event_loop())))
            backstage[0].start()

        if config.redis_url:
            HEALTH.watch("redis", RedisProbe(config.redis_url))
        if not config.backstage:
            HEALTH.watch_elsewhere(parts_elsewhere)
        serve(config, start_backstage if config.backstage else None)
        for one in backstage:
            one.stop()


def serve(config: Config, ready: Callable[[], None] | None) -> None:
    """Answer until SIGTERM; `ready` is called once it listens."""
    host = machine.in_url(config.host).replace(":", r"\:")
    BoundedServer(
        application=application,
        endpoints=[f"tcp:port={config.port}:interface={host}"],
        ready_callable=ready,
        server_name="saga-workshop",
    ).run()
