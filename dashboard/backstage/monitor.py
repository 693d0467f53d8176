"""Looks at the whole: is the broker there, how much waits for each service, how does each one feel.

Once a second, and as soon as a heartbeat says that a service has changed.
"""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from dashboard.backstage.watch import Watch
from dashboard.models import Board, Service
from saga.bus import Bus, TopicPartition
from saga.errors import BrokerUnavailable
from saga.topics import SAGA_TOPICS, TOPICS_BY_SERVICE

INTERVAL_S = 1.0
GATHER_S = 0.2
"""How long to wait for further news after the first, so that services which change together cost one look."""


class _Backlogs(NamedTuple):
    """Where the logs end, and how much waits for each service."""

    ends: Mapping[TopicPartition, int]
    backlogs: Mapping[str, int]


class Monitor:
    """Keeps the `view` of each service's row true. `process_table` is the supervisor's, where there is one.

    `stop` is set when it shall not wait any more.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        watch: Watch,
        process_table: Path,
        board_changed: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self.broker_trouble = ""
        self._bus = bus
        self._watch = watch
        self._process_table = process_table
        self._board_changed = board_changed
        self._stop = stop
        self._last = _Backlogs({}, {})

    def run_once(self) -> bool:
        """Look, write down what is different, then wait for news or the next second. Raises DatabaseError."""
        self._watch.news.clear()
        backlogs = self._backlogs()
        table = read_process_table(self._process_table)
        processes = {service: entry for entry in table for service in entry["services"]}
        changed = self._update(backlogs, processes)
        if changed:
            self._board_changed()
        if self._watch.news.wait(INTERVAL_S):
            self._stop.wait(GATHER_S)
        return changed

    def close(self) -> None:
        self._bus.close()

    def _backlogs(self) -> dict[str, int]:
        """Return how many messages wait for each service; none while the broker does not answer."""
        try:
            backlogs = self._backlogs_now()
        except BrokerUnavailable as trouble:
            self.broker_trouble = str(trouble)
            return {}
        self.broker_trouble = ""
        return backlogs

    def _backlogs_now(self) -> dict[str, int]:
        """Ask how far each service has got, unless it had got to the end and the end is where it was."""
        ends = self._bus.end_offsets(SAGA_TOPICS)
        backlogs = {}
        for service, topics in TOPICS_BY_SERVICE.items():
            is_done = not self._last.backlogs.get(service, 1) and all(
                ends[at] == self._last.ends.get(at) for at in ends if at.topic in topics
            )
            backlogs[service] = 0 if is_done else _backlog(self._bus, service, ends)
        self._last = _Backlogs(ends, backlogs)
        return backlogs

    def _update(self, backlogs: dict[str, int], processes: dict[str, dict[str, Any]]) -> bool:
        changed, beaten = [], []
        for service in Service.objects.all():
            view = self._watch.view(service.name, asked_to_run=service.running, process=processes.get(service.name))
            view["backlog"] = backlogs.get(service.name, service.view.get("backlog", 0))
            before, service.view = service.view, view
            if _without_times(view) != _without_times(before):
                changed.append(service)
            elif view != before:
                beaten.append(service)
        # That it beats on is no news for every browser, each second: whoever wants to know asks.
        Service.objects.bulk_update(beaten, ["view"])
        if changed:
            _save_views(changed)
        return bool(changed)


def read_process_table(path: Path) -> list[dict[str, Any]]:
    """Return the supervisor's list of processes, empty where no supervisor keeps one."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return []


def _without_times(view: dict[str, Any]) -> dict[str, Any]:
    instances = [{**one, "last_heartbeat": ""} for one in view.get("instances", [])]
    return {**view, "instances": instances}


def _backlog(bus: Bus, service: str, ends: Mapping[TopicPartition, int]) -> int:
    committed = bus.committed_offsets(service, TOPICS_BY_SERVICE[service])
    return sum(max(0, ends.get(partition, 0) - offset) for partition, offset in committed.items())


def _save_views(services: list[Service]) -> None:
    with transaction.atomic():
        board = Board.locked()
        for service in services:
            service.seq = board.next_seq()
            service.save(update_fields=["view", "seq"])
        board.save()
