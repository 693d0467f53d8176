"""A worker may die at any instant: effects happen once, and every saga goes on."""

from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from consumers.ledger import Change, Ledger
from consumers.performer import LOOK_EVERY_S
from saga import participation
from saga.bus import Consumer
from saga.definitions import COORDINATOR, PATIENT, PERSISTENT
from saga.errors import BrokerUnavailable
from saga.messages import Kind, SagaMessage
from saga.steering import Instant
from saga.topics import partitions_by_topic
from tests.support.brokers.memory_bus import MemoryBus, MemoryProducer, Revoked
from tests.support.sagas.factories import entry, record, request, undo
from tests.support.services.fuse import INSTANTS, Crash
from tests.support.services.workbench import CHAIN, Moody, Workbench, begin, effects_of

pytestmark = pytest.mark.django_db(databases=[*CHAIN, COORDINATOR])

STEP_OF = {"provisioner": "provision", "authorizer": "authorize", "notifier": "notify"}
COMMITTED_LAST = INSTANTS[-1]
PASSED_BEFORE = {
    Instant.AFTER_RECEIVING: [],
    Instant.AFTER_LEDGER: INSTANTS[:2],
    Instant.AFTER_PRODUCING: INSTANTS[:4],
    Instant.BEFORE_COMMITTING: INSTANTS[:6],
}


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("service", CHAIN)
def test_a_crash_at_any_instant_leaves_one_effect_and_one_outcome(bench: Workbench, service: str, instant: str) -> None:
    bench.send(request(STEP_OF[service]))
    bench.crash(bench.worker(service), instant)
    assert bench.committed(service) == (instant == COMMITTED_LAST)
    bench.clock.seconds += 100
    bench.run(bench.worker(service))
    assert effects_of(service) == [("saga-1", STEP_OF[service], "done")]
    outcomes = bench.bus.messages({"provisioner": "authorize", "authorizer": "notify", "notifier": "notified"}[service])
    assert len({record.value for record in outcomes}) == 1
    assert bench.backlog(service) == 0
    assert [step.status for step in bench.state().steps if step.service == service] == ["done"]


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_crash_at_any_instant_of_a_compensation_takes_back_one_effect_and_tells_once(
    bench: Workbench, instant: str
) -> None:
    bench.send(request("notify"))
    bench.work("notifier")
    bench.send(undo("notify"))
    bench.crash(bench.worker("notifier"), instant)
    bench.clock.seconds += 100
    bench.work("notifier")
    assert effects_of("notifier") == [("saga-1", "notify", "undone")]
    assert len({record.value for record in bench.bus.messages("undo-authorize")}) == 1
    assert len({email.extra_headers["Message-ID"] for email in mail.outbox}) == 2
    assert bench.backlog("notifier") == 0


@pytest.mark.parametrize("instant", INSTANTS[:6])
@pytest.mark.parametrize(
    ("failures", "outcome", "status"),
    [
        pytest.param(1, "notify", "done", id="succeeds"),
        pytest.param(PATIENT.maximum_attempts, "undo-provision", "failed", id="fails for good"),
    ],
)
def test_a_crash_at_any_instant_of_the_last_attempt_loses_no_outcome(
    bench: Workbench, instant: str, failures: int, outcome: str, status: str
) -> None:
    worker = bench.worker("authorizer", perform=Moody(OSError("no route"), times=failures))
    bench.send(request("authorize"))
    bench.run(worker)
    for _ in range(min(failures, PATIENT.maximum_attempts - 1) - 1):
        bench.wait(100, worker)
    assert (bench.backlog("authorizer"), bench.bus.messages(outcome)) == (0, [])
    bench.clock.seconds += 100
    bench.crash(worker, instant)
    bench.clock.seconds += 100
    bench.run(bench.worker("authorizer", perform=Moody(OSError("no route"), times=status == "failed")))
    assert effects_of("authorizer") == [("saga-1", "authorize", status)]
    assert len({record.value for record in bench.bus.messages(outcome)}) == 1
    assert [step.status for step in bench.state().steps if step.service == "authorizer"] == [status]
    assert Ledger("authorizer").next_at() is None


def test_a_crash_before_somebody_is_called_does_not_try_once_more(bench: Workbench) -> None:
    bench.send(request("authorize"))
    bench.work("authorizer")
    worker = bench.worker("authorizer", undo=Moody(OSError("no route")))
    bench.send(undo("authorize"))
    bench.run(worker)
    for _ in range(PERSISTENT.maximum_attempts - 2):
        bench.wait(100, worker)
    bench.clock.seconds += 100
    bench.crash(worker, "after ledger")
    bench.clock.seconds += 100
    bench.work("authorizer")
    assert len(bench.taken_back) == PERSISTENT.maximum_attempts
    assert [step.status for step in bench.state().steps if step.service == "authorizer"] == ["stuck"]


@pytest.mark.parametrize("instant", Instant)
def test_whoever_was_told_to_crash_crashes_then_and_leaves_one_effect(bench: Workbench, instant: Instant) -> None:
    worker = bench.worker()
    bench.dials.crash_at = instant
    bench.send(request())
    with pytest.raises(Crash):
        bench.run(worker)
    assert bench.fuse.passed == PASSED_BEFORE[instant]
    worker.close()
    bench.clock.seconds += 100
    bench.run(bench.worker())
    assert effects_of("provisioner") == [("saga-1", "provision", "done")]
    assert len({record.value for record in bench.bus.messages("authorize")}) == 1
    assert bench.backlog() == 0


@pytest.mark.parametrize("instant", [instant for instant in INSTANTS if "outcome" not in instant])
def test_a_crash_at_any_instant_of_the_closing_leaves_one_end(bench: Workbench, instant: str) -> None:
    begin()
    bench.send(request(None))
    bench.crash(bench.worker(), instant)
    bench.clock.seconds += 100
    bench.run(bench.worker())
    assert len({event.at for event in bench.events() if event.kind is Kind.COMPLETED}) == 1
    assert (bench.state().has_ended, bench.backlog()) == (True, 0)


@pytest.mark.parametrize("instant", INSTANTS[2:])
def test_what_the_ledger_has_is_not_done_again_after_a_crash(bench: Workbench, instant: str) -> None:
    bench.send(request("notify"))
    bench.crash(bench.worker("notifier"), instant)
    bench.run(bench.worker("notifier"))
    assert (len(bench.performed), len(mail.outbox)) == (1, 1)


def test_where_another_instance_was_first_its_result_is_passed_on(bench: Workbench) -> None:
    first = entry(result={"device_id": "WS-of-the-other"})

    def perform_too_late(message: SagaMessage) -> dict[str, Any]:
        Ledger("provisioner").record([Change(first, record())])
        return {"device_id": "WS-of-ours"}

    bench.send(request())
    bench.run(bench.worker(perform=perform_too_late))
    assert [message.results["provision"] for message in bench.requests("authorize")] == [first.result]
    assert bench.events()[-1].detail == {"result": first.result}


def test_what_another_instance_has_yet_to_say_is_kept_until_somebody_has_said_it(bench: Workbench) -> None:
    say_again_at = bench.clock.now(in_s=100 + LOOK_EVERY_S)

    def fail_then_be_too_late(message: SagaMessage) -> dict[str, Any]:
        if len(bench.performed) == 1:
            raise OSError("no route")
        first = participation.done(bench.row(), {"device_id": "WS-of-the-other"}, at=bench.clock.now())
        [asked] = bench.bus.messages("new-user")
        Ledger("provisioner").record([Change(first, asked, say_again_at)])
        return {"device_id": "WS-of-ours"}

    worker = bench.worker(perform=fail_then_be_too_late)
    bench.send(request())
    bench.run(worker)
    bench.clock.seconds += 100
    kept = []
    for _ in range(2):
        worker.run_once()
        kept.append((len(bench.requests("authorize")), Ledger("provisioner").next_at()))
    assert kept == [(0, say_again_at), (1, None)]


def test_an_email_that_a_crash_sends_again_is_the_same_email(bench: Workbench) -> None:
    bench.send(request("notify"))
    bench.crash(bench.worker("notifier"), "before ledger")
    bench.run(bench.worker("notifier"))
    assert [email.extra_headers["Message-ID"] for email in mail.outbox] == ["<saga-1@saga-workshop.example.com>"] * 2


def test_nothing_is_committed_while_the_ledger_cannot_be_written(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("database is locked")

    bench.send(request())
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", locked)
        worker = bench.worker()
        with pytest.raises(OperationalError):
            worker.run_once()
    assert (bench.committed(), bench.requests("authorize")) == (0, [])
    worker.close()
    bench.run(bench.worker())
    assert (bench.backlog(), len(bench.requests("authorize"))) == (0, 1)


def test_a_broker_that_is_gone_is_said_to_whoever_runs_the_worker(bench: Workbench) -> None:
    worker = bench.worker()
    bench.bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        worker.run_once()


def test_after_a_broker_forgot_everything_a_message_fed_again_is_answered_from_the_ledger(bench: Workbench) -> None:
    bench.send(request())
    bench.run(bench.worker())
    before = bench.bus.messages("authorize")
    bench.bus.restart()
    bench.send(request())
    bench.run(bench.worker())
    assert [record.value for record in bench.bus.messages("authorize")] == [record.value for record in before]
    assert len(bench.performed) == 1


def test_a_worker_that_cannot_join_its_group_leaves_no_producer_open(bench: Workbench) -> None:
    closed = []

    class Producer(MemoryProducer):
        def close(self) -> None:
            closed.append(self)

    class BusWithoutGroups(MemoryBus):
        def producer(self) -> MemoryProducer:
            return Producer(self, 1)

        def consumer(self, group: str, topics: object, *, on_revoked: Revoked) -> Consumer:
            raise BrokerUnavailable("no coordinator")

    bench.bus = BusWithoutGroups(partitions_by_topic(1))
    with pytest.raises(BrokerUnavailable):
        bench.worker()
    assert len(closed) == 1
