"""What keeps the read model true: beside the web server in its process, or in a process of its own."""

import functools
import os
import socket
import threading
import time
from collections.abc import Callable

from dashboard import services
from dashboard.backstage_reports import Reporter
from dashboard.deadlines import Deadlines
from dashboard.health import HEALTH
from dashboard.herald import Herald
from dashboard.monitor import Monitor, read_process_table
from dashboard.projector import Projector
from dashboard.relay import Relay
from dashboard.watch import Watch
from workshop import alive
from workshop.config import Config
from workshop.links import open_bus, with_bus
from workshop.loop import Loop, Worker


class Backstage:
    """Projects, relays, heralds, keeps deadlines and monitors, each on a thread of its own."""

    def __init__(self, config: Config, board_changed: Callable[[], None]) -> None:
        watch = Watch(time.monotonic)
        self._projector = with_bus(
            config, "projector", functools.partial(Projector, watch=watch, board_changed=board_changed)
        )
        self._relay = with_bus(config, "relay", functools.partial(Relay, in_flight_limit=config.in_flight_limit))
        self._herald = with_bus(config, "herald", Herald)
        self._deadlines = with_bus(config, "deadlines", functools.partial(Deadlines, deadline_s=config.saga_deadline_s))
        # The monitor has to tell when the broker is away, so it alone does not wait for it.
        self._monitor = Loop("monitor", functools.partial(self._open_monitor, watch, board_changed))
        self._loops = (self._projector, self._relay, self._herald, self._deadlines, self._monitor)
        self._reporter = Loop(
            "reporter",
            lambda stop: Reporter(f"{socket.gethostname()}-{os.getpid()}", HEALTH),
            after_cycle=functools.partial(alive.beat, config.run_dir, "projector"),
        )
        self._config = config

    def start(self) -> list[threading.Thread]:
        for loop in self._loops:
            HEALTH.watch(loop.name, functools.partial(_trouble, loop))
        HEALTH.watch("broker", self._broker_trouble)
        # In the same process, the web server asks for itself.
        reporters = () if self._config.backstage else (self._reporter,)
        return [loop.start() for loop in (*self._loops, *reporters)]

    def stop(self) -> None:
        for loop in (*self._loops, self._reporter):
            loop.stop()

    def _open_monitor(self, watch: Watch, board_changed: Callable[[], None], stop: threading.Event) -> Monitor:
        services.ensure_rows(self._config.lag_ms)
        bus = open_bus(self._config, "monitor")
        table = self._config.processes_file
        return Monitor(bus, watch=watch, process_table=table, board_changed=board_changed)

    def _broker_trouble(self) -> str:
        """The supervisor knows of a death before any request fails."""
        for process in read_process_table(self._config.processes_file):
            if process["name"] == "broker" and process["state"] == "restarting":
                return f"the broker ended ({process['exit']}) and is started again; accepted sagas wait"
        monitor = self._monitor.worker
        return monitor.broker_trouble if monitor else ""


def _trouble(loop: Loop[Worker]) -> str:
    return "" if loop.state == "running" else f"{loop.state} {loop.detail}".strip()
