"""The fold from trace events to a saga's state does not care about order, repeats or batches."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga import state
from saga.definitions import ONBOARDING, PACKAGE
from saga.messages import Action, Kind, TraceEvent
from saga.state import COMPENSATED, COMPENSATING, RUNNING, STUCK, SagaState, initial
from tests.factories import AT, LATER, RESULTS, event, fold

UNDO = Action.UNDO


def on_step(kind: Kind, step: str = "provision", *, service: str = "provisioner", **changes: Any) -> TraceEvent:
    return event(kind, step=step, service=service, **changes)


def of_saga(kind: Kind, **changes: Any) -> TraceEvent:
    return event(kind, step=None, **changes)


def found_stuck(known: SagaState, error: str = "no progress for 60 s") -> TraceEvent:
    detail = {"progress": known.progress, "error": error}
    return of_saga(Kind.STUCK, service="dashboard", attempt=known.progress, detail=detail)


def _completed() -> list[TraceEvent]:
    """Return all that is said about one onboarding, with two failures on the way, in causal order."""
    said = [of_saga(Kind.STARTED, service="dashboard")]
    for hop, step in enumerate(ONBOARDING.steps):
        about: dict[str, Any] = {"service": step.service, "step": step.name, "hop": hop}
        said.append(event(Kind.RECEIVED, **about))
        said += [event(Kind.RETRYING, **about, attempt=number, detail={"error": "down"}) for number in (1, 2)]
        said.append(event(Kind.SUCCEEDED, **about, attempt=3, detail={"result": RESULTS[step.name]}))
    said += [of_saga(kind, hop=3) for kind in (Kind.RECEIVED, Kind.COMPLETED)]
    return said


def _compensated() -> list[TraceEvent]:
    """Return all that is said about an onboarding whose e-mail fails, and whose first undo needs help, in order."""
    said = [of_saga(Kind.STARTED, service="dashboard")]
    for hop, step in enumerate(ONBOARDING.steps[:2]):
        about: dict[str, Any] = {"service": step.service, "step": step.name, "hop": hop}
        said.append(event(Kind.RECEIVED, **about))
        said.append(event(Kind.SUCCEEDED, **about, detail={"result": RESULTS[step.name]}))
    notify: dict[str, Any] = {"service": "notifier", "step": "notify", "hop": 2}
    said += [event(Kind.RECEIVED, **notify), event(Kind.FAILED, **notify, detail={"error": "no such address"})]
    about = {"service": "authorizer", "step": "authorize", "action": UNDO, "hop": 3}
    said.append(event(Kind.UNDOING, **about, detail={"reason": "no such address"}))
    said.append(event(Kind.UNDO_FAILED, **about, detail={"error": "down", "next_attempt_at": LATER}))
    said.append(event(Kind.STUCK, **about, attempt=2, detail={"error": "still down"}))
    said.append(event(Kind.UNDONE, **about, attempt=3))
    about = {"service": "provisioner", "step": "provision", "action": UNDO, "hop": 4}
    said += [event(Kind.UNDOING, **about), event(Kind.UNDONE, **about)]
    return [*said, of_saga(Kind.COMPENSATED, hop=4, detail={"reason": "no such address"})]


HISTORIES = {"completed": _completed(), "compensated": _compensated()}
UNKNOWN = initial(ONBOARDING)

histories = st.sampled_from(list(HISTORIES.values()))


@st.composite
def some_of_one(draw: st.DrawFn) -> list[TraceEvent]:
    """Draw some events of one history, in any order, repeats included."""
    return draw(st.lists(st.sampled_from(draw(histories)), max_size=40))


def shuffled(events: list[TraceEvent], seed: int) -> list[TraceEvent]:
    return Random(seed).sample(events, len(events))


def statuses(known: SagaState) -> list[str]:
    return [step.status for step in known.steps]


def test_all_events_make_a_completed_saga_with_every_step_done() -> None:
    ended = fold(UNKNOWN, HISTORIES["completed"])
    assert (ended.status, ended.has_ended, ended.ended_at, ended.why) == ("completed", True, AT, None)
    assert [(step.status, step.attempts, step.result) for step in ended.steps] == [
        ("done", 3, RESULTS[step.name]) for step in ONBOARDING.steps
    ]


def test_all_events_make_a_compensated_saga_with_every_done_step_undone() -> None:
    ended = fold(UNKNOWN, HISTORIES["compensated"])
    assert (ended.status, ended.has_ended, ended.why) == (COMPENSATED, True, "no such address")
    assert statuses(ended) == ["undone", "undone", "failed"]
    assert [(step.attempts, step.undo_attempts) for step in ended.steps] == [(1, 1), (1, 3), (1, 0)]


def test_of_a_saga_without_events_only_the_definition_is_known() -> None:
    assert (UNKNOWN.status, UNKNOWN.has_ended, UNKNOWN.why) == (RUNNING, False, None)
    assert [(step.name, step.status) for step in UNKNOWN.steps] == [(s.name, "waiting") for s in ONBOARDING.steps]


@given(histories, st.data(), st.integers(0, 10**6))
def test_any_order_with_any_repeats_gives_the_same_state(
    history: list[TraceEvent], data: st.DataObject, seed: int
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(history), max_size=40))
    assert fold(UNKNOWN, shuffled([*history, *repeats], seed)) == fold(UNKNOWN, history)


@given(some_of_one(), st.integers(0, 10**6))
def test_part_of_the_events_gives_the_same_state_in_any_order(events: list[TraceEvent], seed: int) -> None:
    assert fold(UNKNOWN, shuffled(events, seed)) == fold(UNKNOWN, events)


@given(some_of_one(), st.integers(0, 40))
def test_events_may_come_in_any_batches(events: list[TraceEvent], cut: int) -> None:
    assert fold(fold(UNKNOWN, events[:cut]), events[cut:]) == fold(UNKNOWN, events)


@given(some_of_one())
def test_no_step_ever_goes_back_and_progress_only_grows(events: list[TraceEvent]) -> None:
    before = UNKNOWN
    for one in events:
        after = state.apply(before, one)
        assert all(new.mark >= old.mark for old, new in zip(before.steps, after.steps, strict=True))
        assert after.progress >= before.progress
        assert after.has_ended or not before.has_ended
        before = after


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_in_causal_order_whatever_happens_to_a_step_is_progress(history: list[TraceEvent]) -> None:
    before = UNKNOWN
    for one in (one for one in history if one.step):
        after = state.apply(before, one)
        assert (after.progress > before.progress) == (after != before)
        before = after


@given(histories, st.data())
def test_causes_sort_before_their_effects(history: list[TraceEvent], data: st.DataObject) -> None:
    assert sorted(data.draw(st.permutations(history)), key=state.causal_key) == history


@pytest.mark.parametrize("said", [*((kind, Action.DO) for kind in Kind), *((kind, UNDO) for kind in Kind)], ids=str)
def test_what_a_step_is_follows_from_what_was_said_last(said: tuple[Kind, Action]) -> None:
    kind, action = said
    status = fold(UNKNOWN, [on_step(kind, action=action)]).steps[0].status
    assert status == state.STEP_STATUS_AFTER.get((action, kind), "waiting")


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


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]], ids=str)
def test_a_step_that_is_taken_on_again_after_a_crash_began_the_first_time(order: list[int]) -> None:
    events = [on_step(Kind.RECEIVED, at=AT), on_step(Kind.RECEIVED, at=LATER), on_step(Kind.SUCCEEDED, at=LATER)]
    assert fold(initial(ONBOARDING), [events[place] for place in order]).steps[0].since == AT


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]], ids=str)
def test_the_undoing_of_a_step_began_when_it_was_taken_on_itself(order: list[int]) -> None:
    undoing = on_step(Kind.UNDOING, action=UNDO, at=LATER)
    events = [on_step(Kind.RECEIVED, at=AT), on_step(Kind.SUCCEEDED, at=AT), undoing]
    assert fold(initial(ONBOARDING), [events[place] for place in order]).steps[0].since == LATER


@pytest.mark.parametrize("order", [[0, 1], [1, 0]], ids=str)
def test_a_saga_that_is_told_again_to_have_ended_did_so_the_first_time(order: list[int]) -> None:
    ends = [of_saga(Kind.COMPLETED, at=AT), of_saga(Kind.COMPLETED, at=LATER)]
    assert fold(UNKNOWN, [ends[place] for place in order]).ended_at == AT


def test_a_saga_that_was_driven_on_is_in_that_round() -> None:
    assert fold(UNKNOWN, [of_saga(Kind.STARTED, attempt=3), of_saga(Kind.STARTED, attempt=2)]).round == 3


def test_the_highest_hop_is_known() -> None:
    assert fold(UNKNOWN, [on_step(Kind.RECEIVED, hop=7), of_saga(Kind.RECEIVED, hop=4)]).hop == 7


def test_an_event_about_a_step_of_another_definition_changes_no_step() -> None:
    assert state.apply(UNKNOWN, event(Kind.SUCCEEDED, step="fly")) == UNKNOWN


@pytest.mark.parametrize("result", [None, "WS-1", ["WS-1"], 7], ids=repr)
def test_a_result_that_is_no_object_is_not_believed(result: object) -> None:
    first, *_ = state.apply(UNKNOWN, event(Kind.SUCCEEDED, detail={"result": result})).steps
    assert (first.status, first.result) == ("done", None)


@settings(max_examples=50)
@given(
    st.sampled_from(Kind),
    st.sampled_from(Action),
    st.sampled_from(["provision", None]),
    st.dictionaries(
        st.sampled_from(["error", "reason", "progress", "result", "refused", "next_attempt_at"]),
        st.none() | st.text(max_size=3) | st.integers() | st.lists(st.integers(), max_size=2),
    ),
)
def test_whatever_a_foreign_event_tells_in_detail_the_state_holds_texts(
    kind: Kind, action: Action, step: str | None, detail: dict[str, Any]
) -> None:
    known = fold(UNKNOWN, [event(kind, step=step, action=action, detail=detail)] * 2)
    told = [known.reason, known.trouble, known.why, known.steps[0].error, known.steps[0].next_attempt_at]
    assert all(text is None or isinstance(text, str) for text in told)
    assert isinstance(known.stuck_at, int)
