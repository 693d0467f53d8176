"""The board shows how services are, and only what is new is written and told."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.backstage import monitor
from dashboard.backstage.monitor import Monitor
from dashboard.backstage.watch import Watch
from dashboard.models import Board, Service
from dashboard.readmodel import services
from dashboard.readmodel.services import row_of
from saga.bus import Outgoing, TopicPartition
from saga.steering import FaultRules
from saga.topics import SERVICES
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import beat

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "INTERVAL_S", 0)
    monkeypatch.setattr(monitor, "GATHER_S", 0)
    services.ensure_rows((400, 3000))


class Sight:
    """A monitor with what it looks at: heartbeats, the supervisor's list, the broker."""

    def __init__(self, bus: MemoryBus, directory: Path) -> None:
        self.bus = bus
        self.watch = Watch(lambda: 0.0)
        self.processes = directory / "processes.json"
        self.nudges: list[None] = []
        self.while_looking: Callable[[], object] = lambda: None
        self.monitor = Monitor(
            bus,
            watch=self.watch,
            process_table=self.processes,
            board_changed=self._board_changed,
            stop=threading.Event(),
        )

    def see(self, name: str = "provisioner") -> dict[str, Any]:
        self.monitor.run_once()
        return row_of(Service.objects.get(name=name))

    def _board_changed(self) -> None:
        self.nudges.append(None)
        self.while_looking()


@pytest.fixture
def sight(bus: MemoryBus, tmp_path: Path) -> Sight:
    return Sight(bus, tmp_path)


def test_the_board_shows_what_heartbeats_say(sight: Sight) -> None:
    sight.watch.hear(beat())
    seen = sight.see()
    assert (seen["state"], seen["in_flight"], seen["partitions"]) == ("running", 2, 2)


def test_a_change_is_seen_at_once_and_not_a_second_later(sight: Sight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "INTERVAL_S", 3600)
    sight.while_looking = lambda: sight.watch.hear(beat())
    sight.monitor.run_once()
    monkeypatch.setattr(monitor, "INTERVAL_S", 0)
    assert sight.see()["state"] == "running"


def test_the_backlog_is_what_was_sent_and_not_committed(bus: MemoryBus, sight: Sight) -> None:
    places = bus.producer().send([Outgoing(topic="authorize", key=b"same", value=b"x")] * 5)
    assert sight.see("authorizer")["backlog"] == 5
    member = bus.consumer("authorizer", ["authorize"], on_revoked=lambda gone: None)
    member.poll(0, limit=10)
    member.commit({TopicPartition("authorize", places[0].partition): 3})
    assert sight.see("authorizer")["backlog"] == 2


def test_a_service_with_two_topics_has_the_backlog_of_both(bus: MemoryBus, sight: Sight) -> None:
    bus.producer().send([Outgoing(topic=topic, key=b"k", value=b"x") for topic in ("new-user", "notified")])
    assert sight.see("provisioner")["backlog"] == 2


def test_a_broker_that_is_away_is_named_and_the_last_backlog_stays(bus: MemoryBus, sight: Sight) -> None:
    bus.producer().send([Outgoing(topic="notify", key=b"k", value=b"x")])
    sight.see()
    bus.is_down = True
    assert sight.see("notifier")["backlog"] == 1
    assert "down" in sight.monitor.broker_trouble
    bus.is_down = False
    sight.see()
    assert sight.monitor.broker_trouble == ""


def test_a_death_that_the_supervisor_saw_is_shown(sight: Sight) -> None:
    sight.watch.hear(beat())
    dead = {
        "name": "provisioner",
        "services": ["provisioner"],
        "pid": None,
        "state": "restarting",
        "restarts": 3,
        "exit": "killed by SIGKILL",
    }
    sight.processes.write_text(json.dumps([dead]))
    seen = sight.see()
    assert (seen["state"], seen["restarts"]) == ("restarting", 3)
    assert "SIGKILL" in seen["detail"]


def test_only_what_is_different_is_written_and_told(sight: Sight) -> None:
    sight.see()
    before = Board.current().seq
    assert not sight.monitor.run_once()
    assert Board.current().seq == before
    sight.watch.hear(beat())
    assert sight.monitor.run_once()
    assert Board.current().seq == before + 1
    assert len(sight.nudges) == 2


def test_that_a_service_beats_on_is_written_down_and_is_no_news(sight: Sight) -> None:
    sight.watch.hear(beat())
    sight.see()
    before = Board.current().seq
    sight.watch.hear(beat(beat=2, at="2026-01-01T12:00:01Z"))
    assert not sight.monitor.run_once()
    assert Board.current().seq == before
    [instance] = row_of(Service.objects.get(name="provisioner"))["instances"]
    assert instance["last_heartbeat"] == "2026-01-01T12:00:01Z"


def test_a_service_has_heard_when_every_living_instance_has(sight: Sight) -> None:
    services.change("provisioner", lag_ms=(1, 2))
    wish = services.asked_of(Service.objects.get(name="provisioner")).wish
    assert not sight.see()["heard"]
    sight.watch.hear(beat(instance="quick", heard=wish))
    assert sight.see()["heard"]
    sight.watch.hear(beat(instance="slow", heard="older"))
    seen = sight.see()
    assert not seen["heard"]
    assert {one["instance"]: one["heard"] for one in seen["instances"]} == {"quick": True, "slow": False}


def test_who_has_gone_need_not_hear(sight: Sight) -> None:
    wish = services.asked_of(Service.objects.get(name="provisioner")).wish
    instances = [{"instance": "one", "heard": wish, "state": "running"}, {"instance": "two", "state": "gone"}]
    Service.objects.filter(name="provisioner").update(view={"instances": instances})
    assert row_of(Service.objects.get(name="provisioner"))["heard"]


def test_what_was_just_asked_has_not_been_heard(sight: Sight) -> None:
    wish = services.asked_of(Service.objects.get(name="provisioner")).wish
    sight.watch.hear(beat(heard=wish))
    assert sight.see()["heard"]
    assert not row_of(services.change("provisioner", rules=FaultRules(drop_rate=1.0)))["heard"]


def test_looking_does_not_undo_what_was_asked_meanwhile(sight: Sight, monkeypatch: pytest.MonkeyPatch) -> None:
    view = sight.watch.view

    def slow_view(name: str, **about: Any) -> dict[str, Any]:
        if name == "provisioner":
            services.change("provisioner", running=False)
        return view(name, **about)

    monkeypatch.setattr(sight.watch, "view", slow_view)
    assert sight.see()["running"] is False


def test_rows_of_services_are_made_once() -> None:
    services.change("notifier", lag_ms=(1, 2))
    before = Board.current().seq
    services.ensure_rows((400, 3000))
    assert Service.objects.get(name="notifier").lag_high_ms == 2
    assert (Service.objects.count(), Board.current().seq) == (len(SERVICES), before)
