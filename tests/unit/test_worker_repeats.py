"""However often a worker is told the same, it does it once, and answers as it did the first time."""

import pytest

from saga.messages import Kind
from saga.steering import FaultRules
from tests.support.sagas.factories import request
from tests.support.services.workbench import CHAIN, Workbench, begin, effects_of, take_on

pytestmark = pytest.mark.django_db(databases=CHAIN)


def test_a_saga_that_is_closed_twice_ended_the_first_time(bench: Workbench) -> None:
    worker = bench.worker()
    begin()
    for _ in range(2):
        bench.send(request(None))
        bench.run(worker)
        bench.clock.seconds += 100
    first, second = [event for event in bench.events() if event.kind is Kind.COMPLETED]
    assert first.at == second.at


def test_a_repeat_in_one_batch_is_done_once(bench: Workbench) -> None:
    bench.send(request(), request(), request())
    bench.run(bench.worker())
    assert len(bench.performed) == 1
    assert effects_of("provisioner") == [("saga-1", "provision", "done")]
    assert bench.backlog() == 0


def test_a_repeat_is_answered_again_as_recorded_without_being_done_again(bench: Workbench) -> None:
    worker = bench.worker()
    bench.send(request())
    bench.run(worker)
    bench.clock.seconds += 100
    bench.send(request())
    bench.run(worker)
    first, again = bench.bus.messages("authorize")
    assert (first.key, first.value) == (again.key, again.value)
    assert len(bench.performed) == 1


def test_a_repeat_after_the_lag_was_changed_may_come_first_and_is_done_once(bench: Workbench) -> None:
    worker = bench.worker()
    take_on(bench, worker, "saga-1", lag_ms=5000)
    take_on(bench, worker, "saga-1", lag_ms=0)
    assert (len(bench.performed), bench.committed()) == (1, 0)
    bench.clock.seconds += 5
    bench.run(worker)
    assert (len(bench.performed), bench.backlog()) == (1, 0)


def test_a_message_that_comes_a_hundred_times_is_told_so_that_it_can_be_read(bench: Workbench) -> None:
    bench.send(*[request()] * 100)
    bench.run(bench.worker())
    assert set(bench.kinds()) == {"received", "succeeded"}
    assert len({record.value for record in bench.bus.messages("authorize")}) == 1
    assert bench.backlog() == 0


def test_a_repeat_that_comes_while_the_first_one_is_under_way_waits_for_no_lag_of_its_own(bench: Workbench) -> None:
    worker = bench.worker()
    take_on(bench, worker, "saga-1", lag_ms=1000)
    take_on(bench, worker, "saga-1", lag_ms=1000)
    bench.clock.seconds += 1
    bench.run(worker)
    assert (len(bench.performed), bench.backlog(), worker.in_flight) == (1, 0, 0)


def test_a_message_that_comes_twice_is_not_committed_before_the_later_one_is_done(bench: Workbench) -> None:
    """Its saga could be forgotten by then, and would be worked on as if it were new."""
    bench.dials.rules = FaultRules(duplicate_rate=1.0)
    bench.dials.lag_ms = (0, 1000)
    worker = bench.worker()
    for number in range(1, 11):
        bench.send(request(saga_id=f"saga-{number}"))
        worker.run_once()
        while bench.backlog():
            bench.wait(0.05, worker)
        assert len(bench.requests("authorize")) == 2 * number
