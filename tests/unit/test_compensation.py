"""A compensation is done once, commutes with its step, and is tried until it succeeds or a person is called."""

from typing import Any

import pytest
from django.core import mail

from saga import routing
from saga.definitions import CHOREOGRAPHY, ONBOARDING, PERSISTENT
from saga.errors import StepFailed
from saga.messages import Action
from tests.support.sagas.factories import ADA, command, request, undo
from tests.support.services.workbench import CHAIN, Moody, Workbench

pytestmark = pytest.mark.django_db(databases=[*CHAIN, "car"])

NO_ROUTE = OSError("no route")


def opening(**changes: Any) -> Any:
    return routing.opening(ONBOARDING, saga_id="saga-1", style=CHOREOGRAPHY, user=ADA, **changes)


class TestUndo:
    def done_and_undone(self, bench: Workbench) -> None:
        bench.send(request("notify"))
        bench.work("notifier")
        bench.send(undo("notify", reason="no badge"))
        bench.work("notifier")

    def test_a_step_that_was_done_is_undone_and_the_service_before_hears_of_it(self, bench: Workbench) -> None:
        self.done_and_undone(bench)
        assert bench.rows("notifier") == {"notify": "undone"}
        assert bench.kinds() == ["received", "succeeded", "undoing", "undone"]
        assert [(one.step, one.reason) for one in bench.requests("undo-authorize")] == [("authorize", "no badge")]

    def test_an_email_that_went_out_is_corrected(self, bench: Workbench) -> None:
        self.done_and_undone(bench)
        first, correction = mail.outbox
        assert correction.to == first.to
        assert correction.extra_headers["In-Reply-To"] == first.extra_headers["Message-ID"]
        assert "no badge" in correction.body

    def test_an_undo_that_comes_again_is_answered_again_and_not_done_again(self, bench: Workbench) -> None:
        self.done_and_undone(bench)
        bench.clock.seconds += 100
        bench.send(undo("notify", reason="no badge"))
        bench.work("notifier")
        first, again = bench.bus.messages("undo-authorize")
        assert (first.value, len(bench.taken_back)) == (again.value, 1)

    def test_the_service_that_began_ends_the_saga_when_its_step_is_undone(self, bench: Workbench) -> None:
        bench.send(request(), undo(reason="no badge"))
        bench.work()
        assert (bench.rows("provisioner"), bench.state().status) == ({"provision": "undone"}, "compensated")

    def test_an_undo_that_comes_first_refuses_the_step_that_comes_later(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer")
        bench.send(undo("authorize"))
        bench.run(worker)
        assert (bench.rows("authorizer"), len(bench.requests("undo-provision"))) == ({"authorize": "refused"}, 1)
        bench.send(request("authorize"))
        bench.run(worker)
        assert (bench.performed, bench.taken_back, bench.requests("notify")) == ([], [], [])
        assert (bench.rows("authorizer"), bench.state().steps[1].status) == ({"authorize": "refused"}, "refused")

    def test_a_failed_step_has_nothing_to_undo_and_is_still_called_failed(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer", perform=Moody(StepFailed("no badge")))
        bench.send(request("authorize"))
        bench.run(worker)
        bench.send(undo("authorize"))
        bench.run(worker)
        assert (bench.rows("authorizer"), bench.state().steps[1].status) == ({"authorize": "failed"}, "failed")
        assert bench.taken_back == []

    def test_an_undo_ends_the_attempts_at_a_step(self, bench: Workbench) -> None:
        worker = bench.worker("authorizer", perform=Moody(NO_ROUTE))
        bench.send(request("authorize"))
        bench.run(worker)
        bench.send(undo("authorize"))
        bench.run(worker)
        bench.wait(100, worker)
        assert (bench.rows("authorizer"), len(bench.performed)) == ({"authorize": "refused"}, 1)

    def test_a_step_that_is_asked_for_again_after_it_was_undone_stays_undone(self, bench: Workbench) -> None:
        self.done_and_undone(bench)
        bench.send(request("notify"))
        bench.work("notifier")
        assert (bench.rows("notifier"), len(bench.performed), len(mail.outbox)) == ({"notify": "undone"}, 1, 2)

    def test_an_orchestrated_undo_tells_the_coordinator(self, bench: Workbench) -> None:
        bench.send(command("car"), command("car", action=Action.UNDO, hop=5))
        bench.work("car")
        assert [said.outcome for said in bench.replies()] == ["done", "undone"]


class TestStuck:
    @pytest.fixture(autouse=True)
    def undo_fails(self, bench: Workbench) -> None:
        """Let the undo of a step that was done fail until the policy ends."""
        bench.send(request("authorize"))
        bench.work("authorizer")
        bench.send(undo("authorize"))
        worker = bench.worker("authorizer", undo=Moody(NO_ROUTE))
        bench.run(worker)
        for attempt in range(1, PERSISTENT.maximum_attempts):
            bench.wait(PERSISTENT.delay_after(attempt), worker)
        worker.close()

    def test_a_compensation_is_tried_again_and_is_stuck_when_its_policy_ends(self, bench: Workbench) -> None:
        most = PERSISTENT.maximum_attempts
        assert bench.kinds()[3:] == [*["undo failed"] * (most - 1), "stuck"]
        assert (bench.rows("authorizer"), len(bench.taken_back)) == ({"authorize": "stuck"}, most)
        assert (bench.state().status, bench.state().why) == ("stuck", "no route")

    def test_nobody_is_told_and_nothing_is_tried_any_more(self, bench: Workbench) -> None:
        tried = len(bench.taken_back)
        bench.wait(1000, bench.worker("authorizer"))
        assert (len(bench.taken_back), bench.requests("undo-provision")) == (tried, [])
        assert bench.backlog("authorizer") == 0

    def test_a_repeat_of_the_undo_only_says_so_again(self, bench: Workbench) -> None:
        tried = len(bench.taken_back)
        bench.send(undo("authorize"))
        bench.work("authorizer")
        assert (bench.kinds()[-1], len(bench.taken_back), bench.requests("undo-provision")) == ("stuck", tried, [])

    def test_it_is_tried_again_in_a_new_round_and_the_saga_goes_on(self, bench: Workbench) -> None:
        bench.send(undo("authorize", round=2))
        bench.work("authorizer")
        assert bench.rows("authorizer") == {"authorize": "undone"}
        assert [message.step for message in bench.requests("undo-provision")] == ["provision"]
        assert bench.state().status == "compensating"

    def test_a_saga_driven_on_from_its_start_finds_its_way_to_what_is_stuck(self, bench: Workbench) -> None:
        bench.send(opening(round=2))
        bench.run(*(bench.worker(service) for service in CHAIN))
        assert bench.rows("authorizer") == {"authorize": "undone"}
        assert bench.state().status == "compensated"

    def test_everything_said_on_the_way_can_be_read(self, bench: Workbench) -> None:
        bench.send(opening(round=2))
        bench.run(*(bench.worker(service) for service in CHAIN))
        assert all(event.at for event in bench.events())

    def test_what_a_person_undid_is_undone_without_another_try(self, bench: Workbench) -> None:
        tried = len(bench.taken_back)
        bench.send(undo("authorize", round=2, by_hand=True))
        bench.work("authorizer", undo=Moody(NO_ROUTE))
        assert (bench.rows("authorizer"), len(bench.taken_back)) == ({"authorize": "undone"}, tried)
        assert [message.by_hand for message in bench.requests("undo-provision")] == [False]

    def test_a_person_s_word_takes_no_time(self, bench: Workbench) -> None:
        bench.dials.lag_ms = (60_000, 60_000)
        bench.send(undo("authorize", round=2, by_hand=True))
        bench.work("authorizer")
        assert bench.rows("authorizer") == {"authorize": "undone"}
