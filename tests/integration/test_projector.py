"""What is read from the topics becomes rows once, whatever fails in between, and bad messages hold up nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from dashboard import outbox, projector
from dashboard.models import DeadLetter, Saga, TraceRecord
from dashboard.projector import Projector
from dashboard.watch import Watch
from saga import wire
from saga.bus import Outgoing
from saga.errors import BrokerUnavailable
from saga.messages import DeadLetter as Letter
from saga.messages import Kind
from saga.topics import DEAD_LETTER, HEARTBEAT, TRACE
from tests.dash_factories import (
    accept,
    beat,
    completion,
    counters,
    event,
    letter,
    life_of,
    memory_bus,
    outgoing,
    saga,
    trace,
)
from tests.memory_bus import MemoryBus

pytestmark = pytest.mark.django_db

TOPICS = (TRACE, DEAD_LETTER, HEARTBEAT)
MOST_ROUNDS = 50


@pytest.fixture
def bus() -> MemoryBus:
    return memory_bus()


class Bench:
    """A projector to drive, what it heard, and how often it said that the board changed."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.nudges: list[None] = []
        self.watch = Watch(lambda: 0.0)
        self.open()

    def open(self) -> None:
        self.projector = Projector(self.bus, watch=self.watch, board_changed=lambda: self.nudges.append(None))

    def reopen(self) -> None:
        self.projector.close()
        self.open()

    def drain(self) -> None:
        rounds = 0
        while self.projector.run_once():
            rounds += 1
            assert rounds < MOST_ROUNDS, "the projector goes round in circles"


@pytest.fixture
def bench(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(projector, "POLL_TIMEOUT_S", 0)
    bench = Bench(bus)
    yield bench
    bench.projector.close()


def send(bus: MemoryBus, *messages: Outgoing) -> None:
    bus.producer().send(messages)


def tell(bus: MemoryBus, saga_id: str) -> None:
    send(bus, *map(outgoing, life_of(saga_id)))


def is_committed(bus: MemoryBus) -> bool:
    return bus.committed_offsets("projector", TOPICS) == bus.end_offsets(TOPICS)


def test_what_is_told_becomes_a_row_and_is_committed(bus: MemoryBus, bench: Bench) -> None:
    [saga_id] = accept()
    tell(bus, saga_id)
    bench.drain()
    assert saga(saga_id).status == "completed"
    assert is_committed(bus)


def test_a_batch_is_told_to_browsers_once_and_wakes_the_relay(bus: MemoryBus, bench: Bench) -> None:
    outbox.news.clear()
    for saga_id in ("one", "two", "three"):
        tell(bus, saga_id)
    assert bench.projector.run_once()
    assert len(bench.nudges) == 1
    assert outbox.news.is_set()


def test_heartbeats_reach_the_watch_and_change_no_row(bus: MemoryBus, bench: Bench) -> None:
    send(bus, outgoing(beat(), topic=HEARTBEAT))
    bench.drain()
    assert bench.watch.view("provisioner", asked_to_run=True, process=None)["state"] == "running"
    assert bench.nudges == []
    assert is_committed(bus)


def test_dead_letters_are_shown(bus: MemoryBus, bench: Bench) -> None:
    send(bus, outgoing(letter(), topic=DEAD_LETTER))
    bench.drain()
    shown = DeadLetter.objects.get()
    assert (shown.service, shown.reason, shown.topic) == ("authorizer", "the message is empty", "authorize")
    assert counters()["dead_letters"] == 1


def changed(good: Outgoing, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return the message after `change` was made to its envelope."""
    envelope = json.loads(good.value)
    change(envelope)
    return json.dumps(envelope).encode()


GOOD = {
    TRACE: outgoing(completion("bad")),
    DEAD_LETTER: outgoing(letter(), topic=DEAD_LETTER),
    HEARTBEAT: outgoing(beat(), topic=HEARTBEAT),
}
ANYWHERE: dict[str, Callable[[Outgoing], bytes | None]] = {
    "nothing": lambda good: None,
    "no bytes": lambda good: b"",
    "not text": lambda good: b"\xff\xfe\x00\x80",
    "not JSON": lambda good: b"Hello",
    "an array": lambda good: b"[1, 2]",
    "an empty object": lambda good: b"{}",
    "deep nesting": lambda good: b"[" * 50_000,
    "cut off": lambda good: good.value[:-20],
    "too large": lambda good: good.value + b" " * 300_000,
    "another type": lambda good: changed(good, lambda e: e.update(type="com.example.order.v1")),
    "a later version": lambda good: changed(good, lambda e: e.update(type=e["type"].replace(".v1", ".v2"))),
    "a later CloudEvents": lambda good: changed(good, lambda e: e.update(specversion="2.0")),
    "no data": lambda good: changed(good, lambda e: e.pop("data")),
    "an unknown field": lambda good: changed(good, lambda e: e["data"].update(surprise=1)),
    "a time that is none": lambda good: changed(good, lambda e: _time_holder(e).update(at="yesterday")),
    "a lone surrogate": lambda good: good.value.replace(b'"data":{', b'"data":{"x":"\\ud800",'),
}
ONLY_TRACE: dict[str, Callable[[Outgoing], bytes | None]] = {
    "an unknown scenario": lambda good: changed(good, lambda e: e["data"].update(scenario="moon-landing")),
    "an unknown style": lambda good: changed(good, lambda e: e["data"].update(style="interpretive dance, in 3 acts")),
    "an unknown kind": lambda good: changed(good, lambda e: e["data"]["events"][0].update(kind="exploded")),
    "no events": lambda good: changed(good, lambda e: e["data"].update(events=[])),
    "too many events": lambda good: changed(good, lambda e: e["data"].update(events=e["data"]["events"] * 21)),
    "a saga id too long": lambda good: changed(good, lambda e: e["data"].update(saga_id="x" * 37)),
    "a name too long": lambda good: changed(good, lambda e: e["data"]["user"].update(name="x" * 1000)),
    "an attempt beyond counting": lambda good: changed(
        good, lambda e: e["data"]["events"][0].update(attempt=10**30)
    ),
}
ONLY_DEAD_LETTER: dict[str, Callable[[Outgoing], bytes | None]] = {
    "an offset beyond counting": lambda good: changed(good, lambda e: e["data"].update(offset=10**30)),
    "a partition beyond counting": lambda good: changed(good, lambda e: e["data"].update(partition=10**30)),
    "an offset that is a word": lambda good: changed(good, lambda e: e["data"].update(offset="17")),
}
BAD = [
    *((topic, name) for topic in TOPICS for name in ANYWHERE),
    *((TRACE, name) for name in ONLY_TRACE),
    *((DEAD_LETTER, name) for name in ONLY_DEAD_LETTER),
]


def _time_holder(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope["data"].get("events", [envelope["data"]])[0]


@pytest.mark.parametrize(("topic", "name"), BAD, ids=[f"{topic}: {name}" for topic, name in BAD])
def test_a_bad_message_becomes_a_dead_letter_and_the_partition_goes_on(
    bus: MemoryBus, bench: Bench, topic: str, name: str
) -> None:
    make = {**ANYWHERE, **ONLY_TRACE, **ONLY_DEAD_LETTER}[name]
    bad = Outgoing(topic=topic, key=b"same", value=make(GOOD[topic]))  # type: ignore[arg-type]
    [place] = MemoryBusProducer(bus).send([bad])
    send(bus, Outgoing(topic=TRACE, key=b"same", value=outgoing(completion("good")).value))
    bench.drain()
    dead = DeadLetter.objects.get()
    assert (dead.service, dead.topic, dead.partition, dead.offset) == ("projector", *place)
    assert len(dead.reason) > 10
    assert dead.reason.isprintable()
    assert [saga.saga_id for saga in Saga.objects.all()] == ["good"]
    assert is_committed(bus)


class MemoryBusProducer:
    """Sends what a real producer would send as well: a message without a value, a tombstone."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus

    def send(self, messages: list[Outgoing]) -> list[Any]:
        return [self.bus.append(message) for message in messages]


FOREIGN: dict[str, dict[str, Any]] = {
    "a result that is a word": {"detail": {"result": "done!"}},
    "a result that is no number": {"detail": {"result": {"x": float("nan")}}},
    "no result": {"detail": {}},
    "a result that is null": {"detail": {"result": None}},
}


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
def test_an_odd_result_does_not_spoil_its_saga(bus: MemoryBus, bench: Bench, changes: dict[str, Any]) -> None:
    send(bus, outgoing(trace("odd", event(Kind.SUCCEEDED, "provision", **changes))))
    bench.drain()
    send(bus, outgoing(completion("odd")))
    bench.drain()
    assert saga("odd").status == "completed"
    assert is_committed(bus)


def test_an_unknown_service_beats_in_vain(bus: MemoryBus, bench: Bench) -> None:
    send(bus, outgoing(beat(service="stranger", instance="x" * 5000), topic=HEARTBEAT))
    bench.drain()
    assert bench.watch.view("provisioner", asked_to_run=True, process=None)["detail"] == "not heard of yet"


def fail_on(word: str) -> Any:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if word in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrapper)


@pytest.mark.parametrize("word", ["SELECT", "INSERT INTO dashboard_tracerecord", "UPDATE dashboard_saga", "dashboard_board"])
def test_what_the_database_did_not_take_is_not_committed_and_comes_again_once(
    bus: MemoryBus, bench: Bench, word: str
) -> None:
    ids = accept(2)
    for saga_id in ids:
        tell(bus, saga_id)
    with fail_on(word), pytest.raises(OperationalError):
        bench.projector.run_once()
    assert set(bus.committed_offsets("projector", TOPICS).values()) == {0}
    assert TraceRecord.objects.count() == 0
    bench.reopen()
    bench.drain()
    assert (counters()["ended"], counters()["completed"]) == (2, 2)
    assert TraceRecord.objects.count() == 2 * len(life_of(ids[0]))
    assert is_committed(bus)


def test_offsets_are_committed_only_after_the_database_and_the_dead_letters(
    bus: MemoryBus, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    consumer, producer = bench.projector._consumer, bench.projector._producer
    project, commit, send_all = projector.project, consumer.commit, producer.send
    monkeypatch.setattr(projector, "project", lambda *said: (order.append("project"), project(*said)))
    monkeypatch.setattr(producer, "send", lambda said: (order.append("dead-letter"), send_all(said))[1])
    monkeypatch.setattr(consumer, "commit", lambda offsets: (order.append("commit"), commit(offsets)))
    tell(bus, "known")
    bench.projector.run_once()
    assert order == ["project", "dead-letter", "commit"]


def test_after_a_crash_before_the_commit_counts_are_exact(
    bus: MemoryBus, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = accept(3)
    for saga_id in ids:
        tell(bus, saga_id)
    send(bus, Outgoing(topic=TRACE, key=b"k", value=b"garbage"))
    with monkeypatch.context() as dying:
        dying.setattr(bench.projector._consumer, "commit", lambda offsets: (_ for _ in ()).throw(BrokerUnavailable()))
        with pytest.raises(BrokerUnavailable):
            bench.projector.run_once()
    bench.reopen()
    bench.drain()
    assert counters() == {"accepted": 3, "ended": 3, "completed": 3, "out_of_order": 0, "dead_letters": 1}


def test_a_broker_that_is_away_is_told_to_whoever_runs_the_projector(bus: MemoryBus, bench: Bench) -> None:
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        bench.projector.run_once()


def test_a_broker_that_forgot_is_read_from_its_new_beginning(bus: MemoryBus, bench: Bench) -> None:
    tell(bus, "before")
    bench.drain()
    bus.restart()
    bench.reopen()
    tell(bus, "after")
    bench.drain()
    assert set(Saga.objects.values_list("saga_id", "status")) == {("before", "completed"), ("after", "completed")}


def test_two_projectors_share_the_work_and_nothing_is_done_twice(bus: MemoryBus, bench: Bench) -> None:
    other = Bench(bus)
    for worker in (bench, other, bench):
        worker.projector.run_once()
    for number in range(20):
        tell(bus, f"saga-{number}")
    bench.drain()
    other.drain()
    assert min(len(bench.nudges), len(other.nudges)) > 0
    assert counters()["completed"] == counters()["accepted"] == 20
    other.projector.close()


def test_a_dead_letter_tells_the_message_as_a_person_would_read_it(bus: MemoryBus, bench: Bench) -> None:
    send(bus, Outgoing(topic=TRACE, key=b"k\xff", value=b"caf\xe9 \x00 " + b"x" * 20_000))
    bench.drain()
    said = wire.decode(Letter, bus.messages(DEAD_LETTER)[0].value)
    assert said.key == "k\\xff"
    assert said.value is not None
    assert said.value.startswith("caf\\xe9 \\x00 xxx")
    assert len(said.value) < 10_000
