"""`manage.py serve`: the web server, and with it, unless told otherwise, what keeps the read model true."""

import asyncio
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dashboard.backstage.backstage_reports import leadership, parts_elsewhere
from dashboard.backstage.health import HEALTH
from dashboard.live import nudge
from workshop import machine, sole
from workshop.asgi import application
from workshop.backstage import Backstage, hear_wishes
from workshop.channel_layer import RedisProbe
from workshop.config import Config
from workshop.web_server import BoundedServer


class Command(BaseCommand):
    help = "Serve the page and the API, and project what the services say, until SIGTERM."

    def handle(self, **options: Any) -> None:
        config: Config = settings.CONFIG
        if config.redis_url:
            serve_among_others(config)
        else:
            serve_alone(config)


def serve_among_others(config: Config) -> None:
    HEALTH.watch("redis", RedisProbe(config.redis_url))
    HEALTH.watch_elsewhere(leadership)
    if config.backstage:
        serve_with_backstage(config)
    else:
        HEALTH.watch_elsewhere(parts_elsewhere)
        serve(config, None)


def serve_alone(config: Config) -> None:
    try:
        claimed = sole.claim(config)
    except sole.ReadModelTaken as reason:
        raise CommandError(str(reason)) from reason
    except DatabaseError as trouble:
        raise CommandError(f"The read model cannot be reached: {trouble}") from trouble
    serve_with_backstage(config)
    del claimed  # not before


def serve_with_backstage(config: Config) -> None:
    backstage: list[Backstage] = []
    wishes: list[asyncio.Task[None]] = []

    def start_backstage() -> None:
        loop = asyncio.get_event_loop()
        if config.redis_url:
            wishes.append(loop.create_task(hear_wishes()))
        backstage.append(Backstage(config, nudge.from_threads_of(loop)))
        backstage[0].start()

    serve(config, start_backstage)
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
