"""The fold from trace events to a saga's state does not care about order, repeats or batches."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga import state
from saga.definitions import ONBOARDING
from saga.messages import Kind, TraceEvent
from saga.state import RUNNING, SagaState, fold, initial
from tests.factories import AT, RESULTS, event


def _history() -> list[TraceEvent]:
    """Return all that is said about one onboarding, with two failures on the way, in causal order."""
    said = [event(Kind.STARTED, service="dashboard", step=None)]
    for hop, step in enumerate(ONBOARDING.steps):
        about: dict[str, Any] = {"service": step.service, "step": step.name, "hop": hop}
        said.append(event(Kind.RECEIVED, **about))
        said += [event(Kind.RETRYING, **about, attempt=attempt, detail={"error": "down"}) for attempt in (1, 2)]
        said.append(event(Kind.SUCCEEDED, **about, attempt=3, detail={"result": RESULTS[step.name]}))
    said += [event(kind, step=None, hop=3) for kind in (Kind.RECEIVED, Kind.COMPLETED)]
    return said


HISTORY = _history()
UNKNOWN = initial(ONBOARDING)
ENDED = fold(UNKNOWN, HISTORY)
RANK = ["waiting", "received", "retrying", "done"]

some_events = st.lists(st.sampled_from(HISTORY), max_size=40)


def test_all_events_make_a_completed_saga_with_every_step_done() -> None:
    assert (ENDED.status, ENDED.has_ended, ENDED.ended_at) == ("completed", True, AT)
    assert [(step.status, step.attempts, step.result) for step in ENDED.steps] == [
        ("done", 3, RESULTS[step.name]) for step in ONBOARDING.steps
    ]


def test_of_a_saga_without_events_only_the_definition_is_known() -> None:
    assert (UNKNOWN.status, UNKNOWN.has_ended) == (RUNNING, False)
    assert [(step.name, step.status) for step in UNKNOWN.steps] == [(s.name, "waiting") for s in ONBOARDING.steps]


@given(some_events, st.integers(0, 10**6))
def test_any_order_with_any_repeats_gives_the_same_state(repeats: list[TraceEvent], seed: int) -> None:
    shuffled = Random(seed).sample([*HISTORY, *repeats], len(HISTORY) + len(repeats))
    assert fold(UNKNOWN, shuffled) == ENDED


@given(some_events, st.integers(0, 10**6))
def test_part_of_the_events_gives_the_same_state_in_any_order(events: list[TraceEvent], seed: int) -> None:
    shuffled = Random(seed).sample(events, len(events))
    assert fold(UNKNOWN, shuffled) == fold(UNKNOWN, events)


@given(some_events, st.integers(0, 40))
def test_events_may_come_in_any_batches(events: list[TraceEvent], cut: int) -> None:
    assert fold(fold(UNKNOWN, events[:cut]), events[cut:]) == fold(UNKNOWN, events)


@given(some_events, st.sampled_from(HISTORY))
def test_no_status_ever_goes_back(events: list[TraceEvent], late: TraceEvent) -> None:
    before = fold(UNKNOWN, events)
    after = state.apply(before, late)
    assert _ranks(after) == [max(pair) for pair in zip(_ranks(before), _ranks(after), strict=True)]
    assert after.has_ended or not before.has_ended


@given(st.permutations(HISTORY))
def test_causes_sort_before_their_effects(events: list[TraceEvent]) -> None:
    assert sorted(events, key=state.causal_key) == HISTORY


def test_an_event_about_a_step_of_another_definition_changes_nothing() -> None:
    assert state.apply(UNKNOWN, event(Kind.SUCCEEDED, step="fly")) == UNKNOWN


@pytest.mark.parametrize("result", [None, "WS-1", ["WS-1"], 7], ids=repr)
def test_a_result_that_is_no_object_is_not_believed(result: object) -> None:
    first, *_ = state.apply(UNKNOWN, event(Kind.SUCCEEDED, detail={"result": result})).steps
    assert (first.status, first.result) == ("done", None)


def _ranks(known: SagaState) -> list[int]:
    return [RANK.index(step.status) for step in known.steps]
