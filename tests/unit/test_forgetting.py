"""Each service forgets what it is told to forget: at once, whatever else goes wrong, and without a word about it."""

import pytest
from django.db import DatabaseError

from consumers.ledger import Ledger
from consumers.log_store import SagaLogStore
from consumers.worker import Worker
from saga import wire
from saga.bus import Outgoing, TopicPartition
from saga.definitions import COORDINATOR
from saga.steering import FaultRules, Forget, Instant
from saga.topics import FORGET, SERVICES
from tests.support.sagas.factories import AT, request
from tests.support.sagas.office import start
from tests.support.services.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=SERVICES)


def forget(*saga_ids: str) -> Outgoing:
    return wire.encode(Forget(saga_ids=saga_ids), topic=FORGET, source="dashboard", at=AT)


def heard(bench: Workbench, service: str = "provisioner") -> int:
    return bench.bus.committed_offsets(service, [FORGET])[TopicPartition(FORGET, 0)]


def known(*saga_ids: str) -> set[str]:
    return {saga_id for saga_id, _ in Ledger("provisioner").find(saga_ids)}


@pytest.fixture
def worker(bench: Workbench) -> Worker:
    """A worker that knows of two sagas."""
    worker = bench.worker()
    bench.send(request(saga_id="saga-1"), request(saga_id="saga-2"))
    bench.run(worker)
    return worker


def test_a_participant_deletes_its_rows_and_commits(bench: Workbench, worker: Worker) -> None:
    bench.send(forget("saga-1", "never-heard-of"))
    bench.run(worker)
    assert (known("saga-1", "saga-2"), heard(bench)) == ({"saga-2"}, 1)


def test_the_coordinator_deletes_its_log(bench: Workbench) -> None:
    worker = bench.worker(COORDINATOR)
    bench.send(wire.encode(start(saga_id="saga-1"), topic="sagas", source="t", at=AT))
    bench.run(worker)
    assert SagaLogStore(COORDINATOR).read(["saga-1"])
    bench.send(forget("saga-1"))
    bench.run(worker)
    assert (SagaLogStore(COORDINATOR).read(["saga-1"]), heard(bench, COORDINATOR)) == ({}, 1)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_listens(bench: Workbench, service: str) -> None:
    bench.send(forget("saga-1"))
    bench.work(service)
    assert heard(bench, service) == 1


def test_nobody_is_told_of_it(bench: Workbench, worker: Worker) -> None:
    told = len(bench.events())
    bench.send(forget("saga-1"))
    bench.run(worker)
    assert (len(bench.events()), bench.letters()) == (told, [])


def test_it_takes_no_time(bench: Workbench, worker: Worker) -> None:
    bench.dials.lag_ms = (10_000, 10_000)
    bench.send(request(saga_id="saga-3"), forget("saga-1"))
    bench.run(worker)
    assert (known("saga-1", "saga-3"), heard(bench), worker.in_flight) == (set(), 1, 1)


@pytest.mark.parametrize("rules", [FaultRules(drop_rate=1.0), FaultRules(delay_rate=1.0, delay_ms=60_000)])
def test_no_fault_touches_it(bench: Workbench, worker: Worker, rules: FaultRules) -> None:
    bench.dials.rules = rules
    bench.send(forget("saga-1"))
    bench.run(worker)
    assert (known("saga-1"), heard(bench)) == (set(), 1)


@pytest.mark.parametrize("instant", Instant)
def test_a_crash_that_waits_for_its_moment_goes_on_waiting(bench: Workbench, worker: Worker, instant: Instant) -> None:
    bench.dials.crash_at = instant
    bench.send(forget("saga-1"))
    bench.run(worker)
    assert (known("saga-1"), bench.dials.crash_at) == (set(), instant)


def test_what_nobody_can_read_becomes_a_dead_letter(bench: Workbench, worker: Worker) -> None:
    bench.send(Outgoing(topic=FORGET, key=b"x", value=b"garbage"), forget("saga-1"))
    bench.run(worker)
    [letter] = bench.letters()
    assert (letter.topic, heard(bench), known("saga-1")) == (FORGET, 2, set())


def test_when_the_ledger_is_away_it_is_told_again(
    bench: Workbench, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("the ledger is away")

    bench.send(forget("saga-1"))
    with monkeypatch.context() as away:
        away.setattr(Ledger, "forget", fail)
        with pytest.raises(DatabaseError):
            worker.run_once()
    worker.close()
    assert heard(bench) == 0
    bench.work()
    assert (known("saga-1"), heard(bench)) == (set(), 1)


def test_it_is_no_partition_of_the_service_on_the_page(bench: Workbench, worker: Worker) -> None:
    assert FORGET not in {partition.topic for partition in worker.assigned}
