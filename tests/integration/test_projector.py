"""What is read from the topics becomes rows once, whatever fails in between, and bad messages hold up nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from dashboard.backstage import hearts, projector
from dashboard.models import DeadLetter, Saga, TraceRecord
from saga.bus import Outgoing
from saga.errors import BrokerUnavailable
from saga.topics import DEAD_LETTER, HEARTBEAT, TRACE
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.bench import TOPICS, Bench
from tests.support.dashboard.factories import (
    accept,
    beat,
    counters,
    letter,
    life_of,
    outgoing,
    saga,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for module in (projector, hearts):
        monkeypatch.setattr(module, "POLL_TIMEOUT_S", 0)
    bench = Bench(bus)
    yield bench
    bench.close()


def tell(bench: Bench, saga_id: str) -> None:
    bench.tell(*map(outgoing, life_of(saga_id)))


def test_what_is_told_becomes_a_row_and_is_committed(bus: MemoryBus, bench: Bench) -> None:
    [saga_id] = accept()
    tell(bench, saga_id)
    bench.drain()
    assert saga(saga_id).status == "completed"
    assert bench.is_committed


def test_a_batch_is_told_to_browsers_once(bus: MemoryBus, bench: Bench) -> None:
    for saga_id in ("one", "two", "three"):
        tell(bench, saga_id)
    assert bench.projector.run_once()
    assert len(bench.nudges) == 1


def test_heartbeats_reach_the_watch_and_change_no_row(bus: MemoryBus, bench: Bench) -> None:
    bench.tell(outgoing(beat(), topic=HEARTBEAT))
    bench.drain()
    assert bench.watch.view("provisioner", asked_to_run=True, process=None)["state"] == "running"
    assert bench.nudges == []


def test_each_heartbeat_is_heard_by_everybody_who_listens(bus: MemoryBus, bench: Bench) -> None:
    other = Bench(bus)
    bench.tell(outgoing(beat(), topic=HEARTBEAT))
    for one in (bench, other):
        one.hearts.run_once()
        assert one.watch.view("provisioner", asked_to_run=True, process=None)["state"] == "running"
    other.close()


def test_what_was_beaten_before_anybody_listened_is_not_heard(bus: MemoryBus, bench: Bench) -> None:
    bench.tell(outgoing(beat(), topic=HEARTBEAT))
    bench.reopen()
    assert not bench.hearts.run_once()


def test_of_several_that_hear_nonsense_only_the_one_that_leads_complains(bus: MemoryBus, bench: Bench) -> None:
    standby = hearts.Hearts(bus, watch=bench.watch, leads=lambda: False)
    bench.tell(Outgoing(topic=HEARTBEAT, key=b"k", value=b"bump"))
    assert standby.run_once()
    assert bus.messages(DEAD_LETTER) == []
    assert bench.hearts.run_once()
    assert len(bus.messages(DEAD_LETTER)) == 1


def test_dead_letters_are_shown(bus: MemoryBus, bench: Bench) -> None:
    bench.tell(outgoing(letter(), topic=DEAD_LETTER))
    bench.drain()
    shown = DeadLetter.objects.get()
    assert (shown.service, shown.reason, shown.topic) == ("authorizer", "the message is empty", "authorize")
    assert counters()["dead_letters"] == 1


def fail_on(word: str) -> Any:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if word in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrapper)


@pytest.mark.parametrize(
    "word", ["SELECT", "INSERT INTO dashboard_tracerecord", "UPDATE dashboard_saga", "dashboard_board"]
)
def test_what_the_database_did_not_take_is_not_committed_and_comes_again_once(
    bus: MemoryBus, bench: Bench, word: str
) -> None:
    ids = accept(2)
    for saga_id in ids:
        tell(bench, saga_id)
    with fail_on(word), pytest.raises(OperationalError):
        bench.projector.run_once()
    assert set(bus.committed_offsets("projector", TOPICS).values()) == {0}
    assert TraceRecord.objects.count() == 0
    bench.reopen()
    bench.drain()
    assert (counters()["ended"], counters()["completed"]) == (2, 2)
    assert TraceRecord.objects.count() == 2 * len(life_of(ids[0]))
    assert bench.is_committed


def test_offsets_are_committed_only_after_the_database_and_the_dead_letters(
    bus: MemoryBus, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    consumer, producer = bench.projector._consumer, bench.projector._producer
    project, commit, send_all = projector.project, consumer.commit, producer.send
    monkeypatch.setattr(projector, "project", lambda *said: (order.append("project"), project(*said)))
    monkeypatch.setattr(producer, "send", lambda said: (order.append("dead-letter"), send_all(said))[1])
    monkeypatch.setattr(consumer, "commit", lambda offsets: (order.append("commit"), commit(offsets)))
    tell(bench, "known")
    bench.projector.run_once()
    assert order == ["project", "dead-letter", "commit"]


def test_after_a_crash_before_the_commit_counts_are_exact(
    bus: MemoryBus, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = accept(3)
    for saga_id in ids:
        tell(bench, saga_id)
    bench.tell(Outgoing(topic=TRACE, key=b"k", value=b"garbage"))
    with monkeypatch.context() as dying:
        dying.setattr(bench.projector._consumer, "commit", lambda offsets: (_ for _ in ()).throw(BrokerUnavailable()))
        with pytest.raises(BrokerUnavailable):
            bench.projector.run_once()
    bench.reopen()
    bench.drain()
    assert counters() == {
        "accepted": 3,
        "ended": 3,
        "completed": 3,
        "compensated": 0,
        "out_of_order": 0,
        "dead_letters": 1,
    }


def test_a_broker_that_is_away_is_told_to_whoever_runs_the_projector(bus: MemoryBus, bench: Bench) -> None:
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        bench.projector.run_once()


def test_a_broker_that_forgot_is_read_from_its_new_beginning(bus: MemoryBus, bench: Bench) -> None:
    tell(bench, "before")
    bench.drain()
    bus.restart()
    bench.reopen()
    tell(bench, "after")
    bench.drain()
    assert set(Saga.objects.values_list("saga_id", "status")) == {("before", "completed"), ("after", "completed")}


def test_two_projectors_share_the_work_and_nothing_is_done_twice(bus: MemoryBus, bench: Bench) -> None:
    other = Bench(bus)
    for worker in (bench, other, bench):
        worker.projector.run_once()
    for number in range(20):
        tell(bench, f"saga-{number}")
    bench.drain()
    other.drain()
    assert min(len(bench.nudges), len(other.nudges)) > 0
    assert counters()["completed"] == counters()["accepted"] == 20
    other.close()
