"""A saga that gets nowhere is flagged, whoever looks, and is no longer once it gets on."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from dashboard.backstage import relay
from dashboard.backstage.deadlines import Deadlines
from dashboard.backstage.projector import GROUP
from dashboard.backstage.relay import Relay
from dashboard.models import Saga
from dashboard.readmodel import clock, outbox, overdue, rescue
from dashboard.readmodel.projection import project
from saga import wire
from saga.errors import BrokerUnavailable
from saga.messages import Kind, Trace
from saga.times import rfc3339
from saga.topics import TRACE
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import accept, at, event, finish, life_of, saga, say, stuck_undo, trace

pytestmark = pytest.mark.django_db

LONG_AGO = at(0)


@pytest.fixture
def watcher(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deadlines]:
    monkeypatch.setattr(relay, "IDLE_S", 0)
    watcher = Deadlines(bus, deadline_s=60)
    yield watcher
    watcher.close()


def feed(bus: MemoryBus) -> None:
    outbox.news.set()
    worker = Relay(bus, in_flight_limit=100)
    while worker.run_once():
        pass
    worker.close()


def grow_old(*saga_ids: str) -> None:
    Saga.objects.filter(saga_id__in=saga_ids).update(progress_at=LONG_AGO)


def found(bus: MemoryBus) -> list[Trace]:
    """Return what the watcher has said so far."""
    told = [(wire.decode(Trace, record.value), record) for record in bus.messages(TRACE)]
    return [trace for trace, record in told if trace.events[0].kind == "stuck"]


def hear(bus: MemoryBus) -> None:
    """Read what the watcher has said so far, as the projector does."""
    project([(said, wire.encode(said, topic=TRACE, source="t", at=at(0)).value.decode()) for said in found(bus)], [])
    bus.group(GROUP).committed |= bus.end_offsets([TRACE])


def flags(bus: MemoryBus, watcher: Deadlines) -> int:
    """Return how many sagas it says it found, having looked once."""
    known = len(found(bus))
    watcher.run_once()
    return len(found(bus)) - known


def test_a_saga_without_progress_within_its_deadline_becomes_stuck(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    grow_old(saga_id)
    assert flags(bus, watcher)
    hear(bus)
    assert (saga(saga_id).status, saga(saga_id).reason) == ("stuck", "no progress for 60 s")
    assert saga(saga_id).stuck_at is not None


def test_a_saga_that_got_on_a_moment_ago_is_left_alone(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    assert not flags(bus, watcher)
    grow_old(saga_id)
    say(*life_of(saga_id)[:2])
    assert not flags(bus, watcher)


def test_a_saga_that_waits_in_the_outbox_has_no_deadline_yet(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    grow_old(saga_id)
    assert not flags(bus, watcher)


def test_a_saga_that_was_fed_late_has_all_its_time(bus: MemoryBus, watcher: Deadlines) -> None:
    accept()
    Saga.objects.update(started_at=LONG_AGO)
    feed(bus)
    assert not flags(bus, watcher)


def test_a_saga_that_has_ended_has_no_deadline_any_more(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    finish(saga_id)
    grow_old(saga_id)
    assert not flags(bus, watcher)


def test_a_saga_that_is_stuck_is_not_flagged_again(bus: MemoryBus, watcher: Deadlines) -> None:
    by_deadline, by_policy = accept(2)
    feed(bus)
    say(stuck_undo(by_policy))
    grow_old(by_deadline, by_policy)
    watcher.run_once()
    hear(bus)
    assert not flags(bus, watcher)
    assert [trace.saga_id for trace in found(bus)] == [by_deadline]


def test_what_gets_on_is_not_stuck_any_more_and_is_flagged_anew_when_it_stops_again(
    bus: MemoryBus, watcher: Deadlines
) -> None:
    [saga_id] = accept()
    feed(bus)
    grow_old(saga_id)
    watcher.run_once()
    hear(bus)
    say(*life_of(saga_id)[:2])
    assert saga(saga_id).status == "running"
    grow_old(saga_id)
    assert flags(bus, watcher)
    hear(bus)
    assert saga(saga_id).status == "stuck"
    assert len({trace.id for trace in found(bus)}) == 2


def test_a_saga_that_two_have_found_before_anybody_heard_is_one_event(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    grow_old(saga_id)
    watcher.run_once()
    with closing(Deadlines(bus, deadline_s=60)) as successor:
        successor.run_once()
    first, second = found(bus)
    assert first.id == second.id


def test_nothing_more_is_said_before_the_last_has_been_read(bus: MemoryBus, watcher: Deadlines) -> None:
    early, late = accept(2)
    feed(bus)
    grow_old(early)
    assert flags(bus, watcher) == 1
    grow_old(late)
    assert flags(bus, watcher) == 0
    hear(bus)
    assert flags(bus, watcher) == 1
    assert [trace.saga_id for trace in found(bus)] == [early, late]


def test_nothing_more_is_said_before_the_last_has_been_read_by_one_who_read_all_before(
    bus: MemoryBus, watcher: Deadlines
) -> None:
    early, late = accept(2)
    feed(bus)
    hear(bus)
    grow_old(early)
    assert flags(bus, watcher) == 1
    grow_old(late)
    assert flags(bus, watcher) == 0


def test_nothing_more_is_said_before_all_of_the_last_have_been_read(bus: MemoryBus, watcher: Deadlines) -> None:
    *early, late = accept(7)
    feed(bus)
    grow_old(*early)
    assert flags(bus, watcher) == 6
    first, *others = sorted({record.topic_partition for record in bus.messages(TRACE)})
    assert others
    bus.group(GROUP).committed[first] = bus.end_offsets([TRACE])[first]
    grow_old(late)
    assert flags(bus, watcher) == 0


def test_what_is_driven_on_is_not_stuck_any_more(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    grow_old(saga_id)
    watcher.run_once()
    hear(bus)
    rescue.retry(saga_id)
    feed(bus)
    project([(wire.decode(Trace, r.value), r.value.decode()) for r in bus.messages(TRACE)], [])
    assert saga(saga_id).status == "running"
    assert not flags(bus, watcher)


def test_many_are_flagged_in_batches(bus: MemoryBus, watcher: Deadlines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "BATCH_LIMIT", 2)
    ids = accept(5)
    feed(bus)
    grow_old(*ids)
    batches = []
    while count := flags(bus, watcher):
        batches.append(count)
        hear(bus)
    assert batches == [2, 2, 1]
    assert set(Saga.objects.values_list("status", flat=True)) == {"stuck"}


def test_a_broker_that_is_away_is_told_to_whoever_runs_the_watcher(bus: MemoryBus, watcher: Deadlines) -> None:
    [saga_id] = accept()
    feed(bus)
    grow_old(saga_id)
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        watcher.run_once()


def test_where_the_clock_was_set_back_a_deadline_does_not_wait_until_it_has_caught_up(
    bus: MemoryBus, watcher: Deadlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept()
    feed(bus)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() - timedelta(minutes=60))
    assert not flags(bus, watcher)
    monkeypatch.setattr(clock, "now", lambda: now() - timedelta(minutes=58))
    assert flags(bus, watcher)


@pytest.mark.parametrize(
    ("minutes", "is_flagged"),
    [(0.5, False), (-0.5, False), (-2, True), (60, True)],
    ids=["soon", "a moment ago", "long ago", "by another clock"],
)
def test_a_saga_that_is_tried_again_has_its_time_from_then(
    bus: MemoryBus, watcher: Deadlines, minutes: float, is_flagged: bool
) -> None:
    [saga_id] = accept()
    feed(bus)
    detail = {"error": "no route", "next_attempt_at": rfc3339(clock.now() + timedelta(minutes=minutes))}
    say(trace(saga_id, event(Kind.RETRYING, "provision", detail=detail)))
    grow_old(saga_id)
    assert flags(bus, watcher) == is_flagged
