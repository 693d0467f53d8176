"""What keeps the read model true: beside the web server in its process, or in any number of processes of its own.

Those are started by `manage.py project`, and are called after the one of the parts that all of them run, the projector.
"""

import functools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from channels.layers import get_channel_layer

from dashboard.backstage.backstage_reports import Reporter
from dashboard.backstage.deadlines import Deadlines
from dashboard.backstage.health import HEALTH
from dashboard.backstage.hearts import Hearts
from dashboard.backstage.herald import Herald
from dashboard.backstage.lease import Lease
from dashboard.backstage.monitor import Monitor
from dashboard.backstage.projector import Projector
from dashboard.backstage.relay import Relay
from dashboard.backstage.retention import Policy, Retention
from dashboard.backstage.watch import Watch
from dashboard.live import nudge
from dashboard.live.ear import Ear
from dashboard.readmodel import outbox, services
from workshop import alive
from workshop.broker_probe import BrokerProbe
from workshop.config import Config
from workshop.links import open_bus, with_bus
from workshop.loop import Loop, Part

REST_S = 1.0  # of the parts that look at something once a second
LAST_CYCLE_S = 5.0


class Backstage:
    """Projects, and hears heartbeats; the one that leads relays, heralds, keeps deadlines and monitors as well.

    Each part has a thread of its own.
    """

    def __init__(self, config: Config, board_changed: Callable[[], None]) -> None:
        self._config = config
        self._instance = f"{socket.gethostname()}-{os.getpid()}"
        # Without Redis there is one such process, `workshop.sole` sees to that, and nobody to share the lead with.
        self._lease = Lease(self._instance) if config.redis_url else None
        self._watch = Watch(time.monotonic)
        self._board_changed = board_changed
        self._everywhere = (
            with_bus(config, "projector", functools.partial(Projector, board_changed=board_changed)),
            with_bus(config, "hearts", functools.partial(Hearts, watch=self._watch, leads=self._leads)),
        )
        # The monitor has to tell when the broker is away, so it alone does not wait for it.
        self._monitor = Loop("monitor", self._open_monitor, may_run=self._leads)
        deadlines = functools.partial(Deadlines, deadline_s=config.saga_deadline_s)
        retention = functools.partial(Retention, policy=Policy(config.retention_days, config.retention_sagas))
        self._led = (
            self._only_once("relay", functools.partial(Relay, in_flight_limit=config.in_flight_limit)),
            self._only_once("herald", Herald),
            self._only_once("deadlines", deadlines, rest_s=REST_S),
            self._only_once("retention", retention, rest_s=REST_S),
            self._monitor,
        )
        self._among_others = self._loops_among_others()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for loop in (*self._everywhere, *self._led):
            HEALTH.watch(loop.name, functools.partial(self._trouble, loop))
        HEALTH.watch("broker", BrokerProbe(self._config.processes_file, self._broker_trouble))
        for loop in (*self._among_others, *self._everywhere, *self._led):
            self._threads.append(loop.start())

    def stop(self) -> None:
        """Ask all parts to end, and wait until they have. Where there are other processes, one of those leads then."""
        for loop in (*self._everywhere, *self._led, *self._among_others):
            loop.stop()
        deadline = time.monotonic() + LAST_CYCLE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._lease:
            self._lease.give_back()

    def _leads(self) -> bool:
        return self._lease is None or self._lease.is_held()

    def _only_once(self, name: str, open_part: Callable[..., Part], *, rest_s: float = 0.0) -> Loop[Any]:
        """Return the loop of a part that runs in one process at a time."""
        return with_bus(self._config, name, open_part, may_run=self._leads, rest_s=rest_s)

    def _loops_among_others(self) -> Iterable[Loop[Any]]:
        """Return the loops that are needed where there may be several such processes, or web processes without one."""
        lease = self._lease
        if lease is None:
            return ()
        beat = functools.partial(alive.beat, self._config.run_dir, "projector")
        reporter = Loop("reporter", lambda stop: Reporter(self._instance, HEALTH), after_cycle=beat, rest_s=REST_S)
        return Loop("lease", lambda stop: lease, rest_s=REST_S), reporter

    def _open_monitor(self, stop: threading.Event) -> Monitor:
        services.ensure_rows(self._config.lag_ms)
        bus = open_bus(self._config, "monitor")
        table = self._config.processes_file
        return Monitor(bus, watch=self._watch, process_table=table, board_changed=self._board_changed, stop=stop)

    def _trouble(self, loop: Loop[Any]) -> str:
        """One that does not lead stands by with some of its parts, and is well."""
        stands_by = loop in self._led and not self._leads()
        return "" if loop.state == "running" or stands_by else f"{loop.state} {loop.detail}".strip()

    def _broker_trouble(self) -> str:
        monitor = self._monitor.part
        return monitor.broker_trouble if monitor else ""


async def hear_wishes() -> None:
    """Wake the relay or the herald of this process when another one has written down what somebody wants."""
    for group, news in ((nudge.SAGA_WISHES, outbox.news), (nudge.SERVICE_WISHES, services.news)):
        await Ear(get_channel_layer(), group, news.set).open()
