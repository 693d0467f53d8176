"""A step that fails is tried again, whatever becomes of its worker; and after the last attempt the saga goes back."""

from datetime import datetime
from typing import Any

import pytest

from consumers.performer import OVERDUE_LIMIT, WORK_PER_THREAD
from saga.definitions import PATIENT
from saga.errors import StepFailed
from saga.messages import Action, Kind, SagaMessage, StepFault
from saga.participation import Status
from tests.support.sagas.factories import command, request
from tests.support.services.workbench import CHAIN, Moody, Workbench

pytestmark = pytest.mark.django_db(databases=[*CHAIN, "car"])

NO_ROUTE = OSError("no route")
DELAYS = [PATIENT.delay_after(attempt) for attempt in range(1, PATIENT.maximum_attempts)]


class TestRetry:
    def test_a_step_that_failed_is_tried_again_when_the_back_off_is_over(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE, times=2))
        bench.send(request())
        bench.run(worker)
        for attempt in (1, 2):
            last = bench.events()[-1]
            assert (last.kind, last.attempt) == (Kind.RETRYING, attempt)
            assert last.detail == {"error": "no route", "next_attempt_at": bench.clock.now(in_s=DELAYS[attempt - 1])}
            bench.wait(DELAYS[attempt - 1] - 0.01, worker)
            assert len(bench.performed) == attempt
            bench.wait(0.01, worker)
        assert (bench.events()[-1].kind, bench.events()[-1].attempt) == (Kind.SUCCEEDED, 3)
        assert len(bench.requests("authorize")) == 1

    @pytest.mark.parametrize(
        ("result", "why"),
        [
            pytest.param({"grants": ["g"] * 1000}, "its result makes 5024 characters", id="too long"),
            pytest.param({"since": datetime(2026, 1, 1)}, "datetime is not JSON serializable", id="no JSON"),
            pytest.param({"device_id": "\udcff"}, "surrogates not allowed", id="no UTF-8"),
            pytest.param({"device_id": "\x00"}, "its result holds a NUL character", id="NUL"),
        ],
    )
    def test_a_result_that_nobody_could_be_told_fails_the_step_and_is_taken_back(
        self, bench: Workbench, result: dict[str, Any], why: str
    ) -> None:
        bench.send(request())
        bench.run(bench.worker(perform=lambda message: result))
        assert (bench.row().status, bench.state().status) == (Status.FAILED, "compensated")
        assert why in str(bench.row().reason)
        assert (len(bench.performed), len(bench.taken_back)) == (1, 1)

    def test_every_attempt_is_kept_with_its_error_and_its_time(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE, times=2))
        bench.send(request())
        bench.run(worker)
        began = bench.clock.now()
        bench.wait(DELAYS[0], worker)
        assert [(one.number, one.error, one.at) for one in bench.row().attempts] == [
            (1, "no route", began),
            (2, "no route", bench.clock.now()),
        ]

    def test_a_repeat_does_not_bring_the_next_attempt_forward(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE))
        bench.send(request())
        bench.run(worker)
        bench.clock.seconds += DELAYS[0]
        bench.send(request())  # it comes in the cycle in which the second attempt is due
        bench.run(worker)
        assert [one.number for one in bench.row().attempts] == [1, 2]

    def test_a_request_that_nobody_can_ever_fulfil_fails_its_step_when_it_is_tried_again(
        self, bench: Workbench
    ) -> None:
        once = {"notify": StepFault(failures=1, retryable=True)}
        bench.send(request("notify", results={"provision": {}, "authorize": {}}, faults=once))
        worker = bench.worker("notifier")
        bench.run(worker)
        bench.wait(DELAYS[0], worker)
        assert (bench.row("notifier", "notify").status, bench.letters()) == (Status.FAILED, [])
        assert "lacks the device" in str(bench.row("notifier", "notify").reason)

    def test_waiting_for_another_attempt_blocks_no_commit_and_takes_no_room(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE, saga_id="saga-1"), work_limit=1)
        bench.send(request(), *(request(saga_id=f"saga-{number}") for number in range(2, 9)))
        bench.run(worker)
        assert len(bench.requests("authorize")) == 7
        assert (bench.backlog(), worker.in_flight) == (0, 0)

    def test_an_idle_worker_waits_no_longer_than_until_the_next_attempt(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("consumers.worker.POLL_TIMEOUT_S", 60.0)
        worker = bench.worker(perform=Moody(NO_ROUTE))
        bench.send(request())
        worker.run_once()
        assert worker._patience_s() == pytest.approx(DELAYS[0])

    def test_many_retries_that_are_due_at_once_are_all_done(self, bench: Workbench) -> None:
        sagas = [f"saga-{number}" for number in range(OVERDUE_LIMIT + 50)]
        bench.send(*(request(saga_id=saga_id) for saga_id in sagas))
        worker = bench.worker(perform=Moody(NO_ROUTE, times=len(sagas)))
        bench.run(worker)
        bench.wait(DELAYS[0], worker)
        assert {message.saga_id for message in bench.requests("authorize")} == set(sagas)

    def test_work_that_lasts_longer_than_the_wait_of_another_saga_does_not_put_it_off(self, bench: Workbench) -> None:
        first = Moody(NO_ROUTE, times=1)

        def perform(message: SagaMessage) -> dict[str, Any]:
            bench.clock.seconds += 0.0 if message.saga_id == "saga-1" else DELAYS[0]
            return first(message)

        worker = bench.worker(perform=perform)
        for saga_id in ("saga-1", "saga-2"):
            bench.send(request(saga_id=saga_id))
            worker.run_once()
        worker.run_once()
        assert bench.row().status is Status.DONE

    def test_retry_now_is_a_message_of_a_higher_round(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE, times=2))
        bench.send(request())
        bench.run(worker)
        bench.send(request(round=2))
        bench.run(worker)
        assert [(one.number, one.round) for one in bench.row().attempts] == [(1, 1), (2, 2)]
        bench.send(request(round=3))
        bench.run(worker)
        assert (bench.row().status, bench.state().steps[0].attempts) == (Status.DONE, 3)

    def test_a_repeat_is_no_attempt(self, bench: Workbench) -> None:
        worker = bench.worker(perform=Moody(NO_ROUTE, times=1))
        for _ in range(3):
            bench.send(request())
            bench.run(worker)
        assert (len(bench.performed), bench.backlog()) == (1, 0)
        bench.wait(DELAYS[0], worker)
        assert (len(bench.performed), bench.row().status) == (2, Status.DONE)

    def test_a_cycle_takes_on_no_more_than_its_threads_are_soon_done_with(self, bench: Workbench) -> None:
        worker = bench.worker("notifier", threads=2)
        bench.send(*(request("notify", saga_id=f"saga-{number}") for number in range(50)))
        done = []
        for _ in range(3):
            worker.run_once()
            done.append(len(bench.performed))
        assert done == [2 * WORK_PER_THREAD, 4 * WORK_PER_THREAD, 6 * WORK_PER_THREAD]

    def test_what_is_tried_again_counts_with_what_is_new(self, bench: Workbench) -> None:
        most = 2 * WORK_PER_THREAD
        worker = bench.worker("notifier", perform=Moody(NO_ROUTE, times=most), threads=2)
        bench.send(*(request("notify", saga_id=f"old-{number}") for number in range(most)))
        worker.run_once()
        bench.clock.seconds += DELAYS[0]
        bench.send(*(request("notify", saga_id=f"new-{number}") for number in range(most)))
        worker.run_once()
        assert len(bench.performed) == 2 * most
        worker.run_once()
        assert len(bench.performed) == 3 * most
        worker.close()

    def test_a_cycle_tries_no_more_again_than_its_threads_are_soon_done_with(self, bench: Workbench) -> None:
        worker = bench.worker("notifier", perform=Moody(NO_ROUTE, times=20), threads=2)
        bench.send(*(request("notify", saga_id=f"saga-{number}") for number in range(20)))
        bench.run(worker)
        bench.clock.seconds += DELAYS[0]
        worker.run_once()
        assert len(bench.performed) == 20 + 2 * WORK_PER_THREAD

    def test_threads_do_the_same_and_fail_the_same(self, bench: Workbench) -> None:
        worker = bench.worker("notifier", perform=Moody(NO_ROUTE, times=1, saga_id="saga-7"), threads=8)
        bench.send(*(request("notify", saga_id=f"saga-{number}") for number in range(1, 21)))
        bench.run(worker)
        assert len(bench.requests("notified")) == 19
        bench.wait(DELAYS[0], worker)
        assert {message.saga_id for message in bench.requests("notified")} == {f"saga-{n}" for n in range(1, 21)}
        worker.close()


class TestFailure:
    def test_after_the_last_attempt_the_saga_goes_back(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer", perform=Moody(NO_ROUTE))
        bench.send(request("authorize"))
        bench.run(worker)
        for delay in DELAYS:
            bench.wait(delay, worker)
        assert (len(bench.performed), bench.row("authorizer", "authorize").status) == (6, Status.FAILED)
        assert (bench.events()[-1].kind, bench.events()[-1].attempt) == (Kind.FAILED, 6)
        [back] = bench.requests("undo-provision")
        assert (back.step, back.action, back.reason) == ("provision", Action.UNDO, "no route")

    def test_what_cannot_be_helped_is_not_tried_again(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer", perform=Moody(StepFailed("no such department")))
        bench.send(request("authorize"))
        bench.run(worker)
        bench.wait(100, worker)
        assert (len(bench.performed), bench.kinds()) == (1, ["received", "failed"])
        assert [message.reason for message in bench.requests("undo-provision")] == ["no such department"]

    def test_a_saga_whose_first_step_fails_has_ended(self, bench: Workbench) -> None:
        bench.send(request())
        bench.work(perform=Moody(StepFailed("none left")))
        assert bench.kinds() == ["received", "failed", "compensated"]
        assert (bench.state().status, bench.state().reason) == ("compensated", "none left")

    def test_a_failure_that_is_told_again_sends_the_same_message(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer", perform=Moody(StepFailed("no")))
        for _ in range(2):
            bench.send(request("authorize"))
            bench.run(worker)
            bench.clock.seconds += 100
        first, again = bench.bus.messages("undo-provision")
        assert (first.value, len(bench.performed)) == (again.value, 1)

    @pytest.mark.parametrize("failures", [1, 2, 5])
    def test_so_many_failures_asked_for_mean_so_many(self, bench: Workbench, failures: int) -> None:
        worker = bench.worker()
        bench.send(request(faults={"provision": StepFault(failures=failures, retryable=True)}))
        bench.run(worker)
        for delay in DELAYS:
            bench.wait(delay, worker)
        assert bench.kinds() == ["received", *["retrying"] * failures, "succeeded"]
        assert len(bench.performed) == 1

    def test_an_orchestrated_step_that_fails_tells_the_coordinator(self, bench: Workbench) -> None:
        bench.send(command("car"))
        bench.work("car", perform=Moody(StepFailed("no cars left")))
        [said] = bench.replies()
        assert (said.step, said.outcome, said.reason) == ("car", "failed", "no cars left")
        assert bench.kinds() == ["received", "failed"]
