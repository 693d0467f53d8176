"""The rules of the consumer runtime, one cycle at a time."""

from typing import Any

import pytest

from consumers import worker as runtime
from saga import routing, wire
from saga.bus import Record
from saga.messages import SagaMessage
from saga.steering import FaultRules
from saga.topics import SAGA_TOPICS
from tests.support.sagas.factories import request, undo
from tests.support.services.fuse import INSTANTS
from tests.support.services.workbench import CHAIN, Workbench, begin, take_on

pytestmark = pytest.mark.django_db(databases=CHAIN)

SAGA_IDS = [f"saga-{number}" for number in range(10)]


def test_a_message_is_done_recorded_passed_on_told_and_committed_in_that_order(bench: Workbench) -> None:
    bench.send(request())
    assert bench.worker().run_once()
    assert bench.fuse.passed == INSTANTS
    assert (bench.kinds(), bench.backlog()) == (["received", "succeeded"], 0)


@pytest.mark.parametrize(
    ("service", "step", "following"),
    [("provisioner", "provision", "authorize"), ("authorizer", "authorize", "notify"), ("notifier", "notify", None)],
)
def test_each_service_asks_the_next_one(bench: Workbench, service: str, step: str, following: str | None) -> None:
    bench.send(request(step))
    bench.run(bench.worker(service))
    onward = routing.after(request(step), bench.row(service, step))
    assert isinstance(onward, routing.Routed)
    assert bench.requests(onward.topic) == [onward.message]
    assert onward.message.step == following


def test_the_events_tell_which_message_was_read_and_which_was_written(bench: Workbench) -> None:
    bench.send(request(saga_id="saga-0"), request())
    bench.run(bench.worker())
    received, succeeded = bench.events()
    read, written = bench.bus.messages("new-user")[1], bench.bus.messages("authorize")[1]
    assert (received.topic, received.partition, received.offset, received.payload) == (*read.place, read.value.decode())
    assert (succeeded.topic, succeeded.partition, succeeded.offset, succeeded.payload) == (
        *written.place,
        written.value.decode(),
    )
    assert succeeded.detail == {"result": bench.row().result}


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        pytest.param(request(), {}, id="a step"),
        pytest.param(undo(reason="no badge"), {"reason": "no badge"}, id="a compensation"),
    ],
)
def test_what_is_taken_on_tells_why_where_there_is_a_reason(
    bench: Workbench, message: SagaMessage, detail: dict[str, str]
) -> None:
    bench.send(message)
    bench.work()
    assert bench.events()[0].detail == detail


def test_a_closing_completes_the_saga_and_asks_nobody(bench: Workbench) -> None:
    begin()
    bench.send(request(None))
    bench.run(bench.worker())
    assert bench.kinds() == ["received", "completed"]
    assert [record.topic for topic in SAGA_TOPICS for record in bench.bus.messages(topic)] == ["notified"]
    assert bench.performed == []


def test_nothing_is_done_before_its_time(bench: Workbench) -> None:
    worker = bench.worker()
    take_on(bench, worker, "saga-1", lag_ms=1000)
    bench.clock.seconds += 0.999
    assert not worker.run_once()
    assert (bench.kinds(), bench.performed, worker.in_flight) == (["received"], [], 1)
    bench.clock.seconds += 0.001
    assert worker.run_once()
    assert (bench.kinds(), len(bench.performed), worker.in_flight) == (["received", "succeeded"], 1, 0)


def test_closing_a_saga_takes_no_time(bench: Workbench) -> None:
    bench.dials.lag_ms = (60_000, 60_000)
    begin()
    bench.send(request(None))
    bench.run(bench.worker())
    assert bench.state().has_ended


def test_the_quicker_one_overtakes_and_the_commit_waits_for_the_older_one(bench: Workbench) -> None:
    worker = bench.worker()
    take_on(bench, worker, "saga-1", lag_ms=5000)
    take_on(bench, worker, "saga-2", lag_ms=1000)
    bench.clock.seconds += 1
    bench.run(worker)
    assert ([message.saga_id for message in bench.requests("authorize")], bench.committed()) == (["saga-2"], 0)
    bench.clock.seconds += 4
    bench.run(worker)
    assert ([message.saga_id for message in bench.requests("authorize")][1:], bench.committed()) == (["saga-1"], 2)


def test_a_message_that_came_twice_is_not_done_before_both_are(bench: Workbench) -> None:
    bench.dials.rules = FaultRules(duplicate_rate=1.0)
    bench.dials.lag_ms = (1000, 9000)
    worker = bench.worker()
    bench.send(*(request(saga_id=saga_id) for saga_id in SAGA_IDS))
    worker.run_once()
    while worker.in_flight:
        bench.wait(0.1, worker)
    assert bench.committed() == len(SAGA_IDS)
    assert len(bench.requests("authorize")) == 2 * len(SAGA_IDS)


def test_what_was_read_just_before_a_rebalance_keeps_no_commit_from_waiting(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "GATHER_S", 0.01)
    worker = bench.worker()
    bench.send(*(request(saga_id=saga_id) for saga_id in SAGA_IDS[:5]))
    rebalance_between_polls(bench, worker, monkeypatch)
    bench.dials.lag_ms = (0, 10_000)
    for _ in range(100):
        worker.run_once()
        done = {message.saga_id for message in bench.performed}
        assert done >= set(SAGA_IDS[: bench.committed()])
        bench.clock.seconds += 0.1
    assert bench.committed() == len(SAGA_IDS)


def rebalance_between_polls(bench: Workbench, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another member come and go after the next poll, and more messages come meanwhile."""
    consumer = worker._consumer
    poll = consumer.poll

    def poll_once(timeout_s: float, *, limit: int) -> list[Record]:
        monkeypatch.setattr(consumer, "poll", poll)
        records = poll(timeout_s, limit=limit)
        other = bench.worker()
        other.run_once()
        other.close()
        bench.send(*(request(saga_id=saga_id) for saga_id in SAGA_IDS[5:]))
        return records

    monkeypatch.setattr(consumer, "poll", poll_once)


def test_what_is_due_together_is_recorded_in_one_transaction(bench: Workbench) -> None:
    bench.send(*(request(saga_id=saga_id) for saga_id in SAGA_IDS))
    bench.worker().run_once()
    assert bench.fuse.passed == INSTANTS
    assert len(bench.requests("authorize")) == len(SAGA_IDS)


def test_a_full_worker_reads_no_more_and_goes_on_when_there_is_room(bench: Workbench) -> None:
    worker = bench.worker(work_limit=3)
    bench.dials.lag_ms = (1000, 1000)
    bench.send(*(request(saga_id=saga_id) for saga_id in SAGA_IDS))
    for done in (0, 3, 6, 9):
        bench.run(worker)
        assert (worker.in_flight, worker.handled) == (min(3, len(SAGA_IDS) - done), done)
        bench.clock.seconds += 1
        worker.run_once()
    assert (bench.backlog(), worker.handled) == (0, len(SAGA_IDS))


def test_a_worker_waits_for_messages_no_longer_than_until_what_it_has_in_hand_is_due(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "POLL_TIMEOUT_S", 60.0)
    worker = bench.worker()
    take_on(bench, worker, "saga-1", lag_ms=1000)
    assert worker._patience_s() == pytest.approx(1.0)
    bench.clock.seconds += 1.5
    assert worker._patience_s() == 0.0


def test_a_worker_can_be_asked_how_it_is_before_its_first_cycle(bench: Workbench) -> None:
    worker = bench.worker()
    assert (worker.assigned, worker.in_flight, worker.handled) == (frozenset(), 0, 0)


def test_an_idle_cycle_does_nothing_at_all(bench: Workbench) -> None:
    assert not bench.worker().run_once()
    assert bench.fuse.passed == []


def test_the_outcome_has_an_id_that_follows_from_saga_and_step(bench: Workbench) -> None:
    bench.send(request())
    bench.run(bench.worker())
    [sent] = bench.bus.messages("authorize")
    assert b'"id":"saga-1.authorize.do"' in sent.value
    assert wire.decode(SagaMessage, sent.value).results.keys() == {"provision"}
