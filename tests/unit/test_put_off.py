"""What is put off is kept with the message that asked for it: it comes again, to one instance, whoever has died."""

from typing import Any

import pytest
from django.db.models import Value
from django.db.models.functions import Replace

from consumers.models import Effect
from consumers.performer import CLAIM_S, LOOK_EVERY_S
from saga.definitions import PATIENT
from saga.messages import Kind, SagaMessage
from saga.participation import Status
from tests.support.sagas.factories import request
from tests.support.services.workbench import Moody, Workbench

pytestmark = pytest.mark.django_db(databases=["provisioner"])

NO_ROUTE = OSError("no route")
DELAYS = [PATIENT.delay_after(attempt) for attempt in range(1, PATIENT.maximum_attempts)]


def test_a_retry_outlives_its_worker_and_counts_on(bench: Workbench) -> None:
    moody = Moody(NO_ROUTE, times=2)
    for delay in (0, *DELAYS[:2]):
        if not delay:
            bench.send(request())
        worker = bench.worker(perform=moody)
        bench.wait(delay, worker)
        worker.close()
    assert [event.attempt for event in bench.events() if event.kind is Kind.RETRYING] == [1, 2]
    assert (bench.row().status, len(bench.requests("authorize"))) == (Status.DONE, 1)


def test_an_attempt_that_is_due_is_made_by_one_of_several_instances(bench: Workbench) -> None:
    def perform(message: SagaMessage) -> dict[str, Any]:
        if len(bench.performed) == 1:
            raise NO_ROUTE
        other.run_once()
        return {"device_id": "WS-1"}

    worker, other = bench.worker(perform=perform), bench.worker()
    bench.send(request())
    bench.run(worker)
    bench.wait(DELAYS[0], worker)
    assert (len(bench.performed), bench.row().status) == (2, Status.DONE)


def test_what_was_tried_a_moment_ago_waits_for_its_back_off_though_the_timer_had_it(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(NO_ROUTE))
    bench.send(request())
    bench.run(worker)
    bench.send(request(round=2))  # somebody drives it on in the moment in which it is due
    bench.wait(DELAYS[0], worker)
    assert (len(bench.performed), bench.row().status) == (2, Status.TRYING)
    bench.wait(DELAYS[0], worker)
    assert len(bench.performed) == 3


def test_an_attempt_whose_worker_dies_over_it_is_made_by_another(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(NO_ROUTE, times=1))
    bench.send(request())
    bench.run(worker)
    bench.clock.seconds += DELAYS[0]
    bench.crash(worker, "before ledger")
    other = bench.worker()
    bench.run(other)
    assert bench.row().status is Status.TRYING
    bench.wait(CLAIM_S, other)
    assert (bench.row().status, len(bench.requests("authorize"))) == (Status.DONE, 1)


def test_a_kept_request_that_cannot_be_read_any_more_is_a_dead_letter_and_stops_nobody(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(NO_ROUTE, times=1))
    bench.send(request())
    bench.run(worker)
    effects = Effect.objects.using("provisioner")
    effects.update(request=Replace("request", Value("onboarding"), Value("of-another-version")))
    bench.send(request(saga_id="saga-2"))
    bench.wait(DELAYS[0], worker)
    bench.wait(100, worker)
    [letter] = bench.letters()
    assert (letter.key, "of-another-version" in letter.value) == ("saga-1", True)
    assert [message.saga_id for message in bench.requests("authorize")] == ["saga-2"]
    bench.send(request())  # corrected, and sent again
    bench.run(worker)
    assert [message.saga_id for message in bench.requests("authorize")] == ["saga-2", "saga-1"]


def test_a_failed_attempt_is_told_though_its_worker_dies_before_it_could(bench: Workbench) -> None:
    bench.send(request())
    bench.crash(bench.worker(perform=Moody(NO_ROUTE, times=1)), "after ledger")
    worker = bench.worker()
    bench.run(worker)
    bench.wait(DELAYS[0], worker)
    assert set(bench.kinds()) == {"received", "retrying", "succeeded"}


def test_a_retry_does_not_wait_until_a_clock_that_was_set_back_has_caught_up(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = bench.worker(perform=Moody(NO_ROUTE, times=1))
    bench.send(request())
    bench.run(worker)
    now = bench.clock.now
    monkeypatch.setattr(bench.clock, "now", lambda in_s=0.0: now(in_s=in_s - 3600))
    bench.wait(LOOK_EVERY_S, worker)
    assert (bench.row().status, len(bench.requests("authorize"))) == (Status.DONE, 1)


def test_a_retry_outlives_the_broker_s_memory(bench: Workbench) -> None:
    bench.send(request())
    bench.work(perform=Moody(NO_ROUTE, times=1))
    bench.bus.restart()
    bench.wait(DELAYS[0], bench.worker())
    assert len(bench.requests("authorize")) == 1
