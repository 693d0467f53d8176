"""From what was said of a saga follows whether it runs, goes back or is stuck, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga.definitions import PACKAGE
from saga.messages import Kind, TraceEvent
from saga.state import COMPENSATED, COMPENSATING, RUNNING, STUCK, initial
from tests.support.sagas.factories import LATER, event, fold
from tests.support.sagas.history import UNDO, UNKNOWN, found_stuck, of_saga, on_step, shuffled, some_of_one, statuses


class TestStatus:
    @pytest.mark.parametrize(
        ("events", "status"),
        [
            pytest.param([of_saga(Kind.STARTED)], RUNNING, id="it started"),
            pytest.param([on_step(Kind.RETRYING)], RUNNING, id="a step is tried again"),
            pytest.param([on_step(Kind.FAILED)], COMPENSATING, id="a step failed"),
            pytest.param([on_step(Kind.UNDOING, action=UNDO)], COMPENSATING, id="a step is undone"),
            pytest.param([on_step(Kind.UNDO_FAILED, action=UNDO)], COMPENSATING, id="an undo is tried again"),
            pytest.param([of_saga(Kind.UNDOING, action=UNDO)], COMPENSATING, id="it is rolled back by hand"),
            pytest.param([on_step(Kind.STUCK, action=UNDO)], STUCK, id="an undo cannot succeed"),
            pytest.param(
                [on_step(Kind.STUCK, action=UNDO), on_step(Kind.UNDONE, action=UNDO, attempt=2)],
                COMPENSATING,
                id="an undo succeeded at last",
            ),
            pytest.param([on_step(Kind.STUCK, action=UNDO), of_saga(Kind.COMPENSATED)], COMPENSATED, id="it has ended"),
        ],
    )
    def test_the_status_follows_from_the_events(self, events: list[TraceEvent], status: str) -> None:
        assert fold(UNKNOWN, events).status == status

    def test_a_command_of_the_coordinator_says_nothing_of_its_step(self) -> None:
        assert statuses(fold(UNKNOWN, [on_step(Kind.STARTED, service="coordinator")])) == ["waiting"] * 3

    def test_a_step_refused_in_advance_is_called_so(self) -> None:
        known = fold(UNKNOWN, [on_step(Kind.UNDONE, action=UNDO, detail={"refused": True})])
        assert (known.status, statuses(known)[0]) == (COMPENSATING, "refused")

    def test_a_failed_step_of_which_there_was_nothing_to_undo_is_still_called_failed(self) -> None:
        found = on_step(Kind.UNDONE, action=UNDO, detail={"failed": True, "error": "no route"})
        known = fold(UNKNOWN, [on_step(Kind.FAILED), on_step(Kind.UNDOING, action=UNDO), found])
        assert (known.status, known.steps[0].status, known.steps[0].error) == (COMPENSATING, "failed", "no route")

    def test_a_failed_attempt_tells_its_error_and_when_the_next_one_is_until_there_is_news(self) -> None:
        failed = on_step(Kind.RETRYING, detail={"error": "down", "next_attempt_at": LATER})
        step = fold(UNKNOWN, [failed]).steps[0]
        assert (step.status, step.error, step.next_attempt_at) == ("retrying", "down", LATER)
        step = fold(UNKNOWN, [failed, on_step(Kind.SUCCEEDED, attempt=2)]).steps[0]
        assert (step.status, step.attempts, step.error, step.next_attempt_at) == ("done", 2, None, None)


class TestStuck:
    def test_a_saga_without_progress_is_stuck_and_says_why(self) -> None:
        known = fold(UNKNOWN, [of_saga(Kind.STARTED), on_step(Kind.RECEIVED)])
        stuck = fold(known, [found_stuck(known)])
        assert (stuck.status, stuck.why, stuck.has_ended) == (STUCK, "no progress for 60 s", False)

    @pytest.mark.parametrize(
        "news",
        [
            on_step(Kind.SUCCEEDED),
            on_step(Kind.RETRYING, attempt=2),
            on_step(Kind.UNDOING, action=UNDO),
            of_saga(Kind.STARTED, attempt=2),
            of_saga(Kind.UNDOING, action=UNDO),
        ],
        ids=lambda one: f"{one.kind} {one.action} {one.attempt}",
    )
    def test_it_is_stuck_no_longer_when_anything_happens(self, news: TraceEvent) -> None:
        known = fold(UNKNOWN, [of_saga(Kind.STARTED), on_step(Kind.RECEIVED)])
        assert fold(known, [found_stuck(known), news]).status in (RUNNING, COMPENSATING)

    def test_it_is_not_stuck_if_something_happened_before_it_was_said(self) -> None:
        known = fold(UNKNOWN, [on_step(Kind.RECEIVED)])
        assert fold(known, [on_step(Kind.SUCCEEDED), found_stuck(known)]).status == RUNNING

    def test_a_saga_that_was_found_stuck_later_than_is_known_of_it_is_stuck(self) -> None:
        """Its row may have been lost, and what a broker has dropped since is not said again."""
        detail = {"progress": UNKNOWN.progress + 5, "error": "no progress for 60 s"}
        known = fold(UNKNOWN, [of_saga(Kind.STUCK, detail=detail)])
        assert (known.status, known.why) == (STUCK, "no progress for 60 s")

    def test_another_attempt_after_one_that_was_given_up_is_progress(self) -> None:
        given_up = fold(UNKNOWN, [on_step(Kind.STUCK, action=UNDO, attempt=8)])
        assert fold(given_up, [on_step(Kind.UNDO_FAILED, action=UNDO, attempt=9)]).progress > given_up.progress

    def test_a_dead_letter_stops_its_saga_at_once(self) -> None:
        detail = {"progress": UNKNOWN.progress, "error": "a message was dead-lettered: no JSON"}
        known = fold(UNKNOWN, [of_saga(Kind.DEAD_LETTERED, detail=detail)])
        assert (known.status, known.why) == (STUCK, "a message was dead-lettered: no JSON")

    def test_an_undo_that_cannot_succeed_tells_its_error(self) -> None:
        events = [on_step(Kind.FAILED, "authorize", detail={"error": "no"}, hop=1)]
        events += [on_step(Kind.STUCK, action=UNDO, attempt=8, detail={"error": "the shelf is locked"}, hop=2)]
        assert (fold(UNKNOWN, events).status, fold(UNKNOWN, events).why) == (STUCK, "the shelf is locked")

    @given(some_of_one(), st.integers(0, 40), st.integers(0, 10**6))
    def test_whenever_it_is_found_the_order_of_events_does_not_matter(
        self, events: list[TraceEvent], moment: int, seed: int
    ) -> None:
        known = fold(UNKNOWN, events[:moment])
        events = [*events, found_stuck(known), found_stuck(known, "another said so")]
        assert fold(UNKNOWN, shuffled(events, seed)) == fold(UNKNOWN, events)


class TestReason:
    def test_the_reason_is_that_of_the_first_failure_by_cause(self) -> None:
        first = on_step(Kind.FAILED, "provision", hop=1, detail={"error": "none left"})
        second = on_step(Kind.FAILED, "authorize", hop=3, detail={"error": "no right"})
        assert fold(UNKNOWN, [second, first]).reason == "none left"

    def test_of_failures_at_the_same_time_one_reason_is_kept_whatever_came_first(self) -> None:
        failures = [
            event(Kind.FAILED, step=step.name, service=step.service, hop=1, detail={"error": f"no {step.name}"})
            for step in PACKAGE.steps
        ]
        assert {fold(initial(PACKAGE), shuffled(failures, seed)).reason for seed in range(20)} == {"no hotel"}

    def test_a_refusal_is_no_reason(self) -> None:
        refused = on_step(Kind.FAILED, hop=1, detail={"refused": True, "error": "its compensation came first"})
        assert fold(UNKNOWN, [refused]).reason is None

    def test_a_roll_back_by_hand_tells_its_reason(self) -> None:
        asked = of_saga(Kind.UNDOING, action=UNDO, detail={"reason": "nobody wants it any more"})
        assert fold(UNKNOWN, [asked]).why == "nobody wants it any more"
