"""Partitions may move from one worker to another: what one had in hand the other takes on, and nothing is doubled."""

from collections import Counter

import pytest

from tests.support.sagas.factories import request
from tests.support.services.workbench import CHAIN, Workbench, effects_of

pytestmark = pytest.mark.django_db(databases=CHAIN)


def test_a_worker_knows_what_it_was_given(wide_bench: Workbench) -> None:
    worker = wide_bench.worker()
    worker.run_once()
    assert len(worker.assigned) == 24
    worker.close()


def test_work_in_hand_at_the_end_comes_to_the_next_worker(bench: Workbench) -> None:
    bench.dials.lag_ms = (1000, 1000)
    bench.send(request())
    worker = bench.worker()
    worker.run_once()
    worker.close()
    assert bench.committed() == 0
    heir = bench.worker()
    heir.run_once()
    bench.clock.seconds += 1
    bench.run(heir)
    assert (len(bench.performed), bench.backlog()) == (1, 0)


def test_work_of_partitions_that_move_is_forgotten_by_one_and_taken_on_by_the_other(wide_bench: Workbench) -> None:
    bench = wide_bench
    bench.dials.lag_ms = (1000, 1000)
    bench.send(*(request(saga_id=f"saga-{number}") for number in range(60)))
    first, second = bench.worker(), bench.worker()
    bench.run(first)
    assert first.in_flight == 60
    bench.run(first, second)
    assert first.in_flight + second.in_flight == 60
    assert 0 < first.in_flight < 60
    assert first.assigned.isdisjoint(second.assigned)


def test_a_rebalance_doubles_no_effect(wide_bench: Workbench) -> None:
    bench = wide_bench
    sagas = {f"saga-{number}" for number in range(60)}
    bench.dials.lag_ms = (0, 1000)
    bench.send(*(request(saga_id=saga_id) for saga_id in sagas))
    first = bench.worker()
    bench.run(first)
    bench.clock.seconds += 0.5
    bench.run(first)
    both = [first, bench.worker()]
    bench.run(*both)
    bench.clock.seconds += 1
    bench.run(*both)
    assert Counter(effects_of("provisioner")) == dict.fromkeys([(saga_id, "provision", "done") for saga_id in sagas], 1)
    assert {message.saga_id for message in bench.requests("authorize")} == sagas
    assert (len(bench.performed), bench.backlog()) == (60, 0)
