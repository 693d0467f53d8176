"""The fold from trace events to a saga's state does not care about order, repeats or batches."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga import state
from saga.definitions import ONBOARDING
from saga.messages import Action, Kind, TraceEvent
from saga.state import COMPENSATED, RUNNING, initial
from tests.support.sagas.factories import AT, LATER, RESULTS, event, fold
from tests.support.sagas.history import (
    HISTORIES,
    UNDO,
    UNKNOWN,
    histories,
    of_saga,
    on_step,
    shuffled,
    some_of_one,
    statuses,
)


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
