"""`manage.py run`: the whole workshop, from one command."""

import asyncio
import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from workshop import state
from workshop.checks import TAG, WEB_TAG
from workshop.config import Config
from workshop.processes import processes
from workshop.readiness import wait_until_ready
from workshop.schema import CannotReach, migrate_all
from workshop.supervisor.console import Console
from workshop.supervisor.group import Supervisor


class PortTaken(Exception):
    """Raised when the web server could not listen where it is told to."""


class Command(BaseCommand):
    help = "Start the broker, the services and the web server, and keep them alive until Ctrl-C or SIGTERM."
    requires_system_checks = (TAG, WEB_TAG)  # all others would load the web server as well

    def handle(self, **options: Any) -> None:
        config: Config = settings.CONFIG
        try:
            lock = claim(config)
            config.broker_file.unlink(missing_ok=True)
            migrate_all()
        except (PortTaken, state.StateDirBusy, CannotReach) as error:
            sys.exit(str(error))
        asyncio.run(supervise(config, lock))


def claim(config: Config) -> int:
    """Return the lock on the state directory, if the port is free as well. Raises PortTaken, StateDirBusy."""
    try:
        lock = state.lock(config.state_dir)
    except state.StateDirBusy:
        check_port(config)  # of the two reasons, the port's is the plainer
        raise
    check_port(config)
    return lock


def check_port(config: Config) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        place = f"{config.host}:{config.port}"
        raise PortTaken(f"Cannot listen on {place}: {error.strerror}. Another port: make run PORT=8123") from error


async def supervise(config: Config, lock: int) -> None:
    specs = processes(config)
    console = Console(["workshop", *(spec.name for spec in specs)], as_json=config.log_format == "json")
    supervisor = Supervisor(specs, say=console.say, processes_file=config.processes_file, pass_fds=[lock])
    try:
        await supervisor.run(announce(config, console), stop_with_starter="MAKELEVEL" in os.environ)
    finally:
        console.close()


async def announce(config: Config, console: Console) -> None:
    await wait_until_ready(config, lambda missing: console.say("workshop", missing))
    console.show(f"Saga Workshop is ready: {config.url()}")
