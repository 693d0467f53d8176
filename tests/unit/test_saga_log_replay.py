"""Nothing but the log counts: whoever replays it, or any beginning of it, ends the saga the same."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga import saga_log
from saga.definitions import DEFINITIONS
from saga.routing import End
from saga.saga_log import Mark
from tests.support.sagas.office import Office, roll_back, start, stored, worked


def _conversations() -> Iterator[tuple[str, tuple[str, ...]]]:
    for scenario, definition in DEFINITIONS.items():
        steps = [step.name for step in definition.steps]
        yield scenario, ()
        yield from ((scenario, (step,)) for step in steps)
        yield scenario, tuple(steps)


CONVERSATIONS = list(_conversations())
any_seed = st.integers(0, 10**6)


def told(office: Office) -> tuple[End | None, set[str]]:
    """Return how the saga ended, and which steps stand."""
    return office.state.end and office.state.end.end, office.standing


def heirs_of(office: Office, scenario: str, *, failing: tuple[str, ...], seed: int) -> Iterator[tuple[int, Office]]:
    """Yield, for each beginning of its log, how long that is and who went on from there to the end."""
    for length in range(len(office.log) + 1):
        heir = Office(stored(office.log[:length]), failing=failing, seed=seed)
        heir.hear(start(scenario, round=2))
        heir.run()
        yield length, heir


@pytest.mark.parametrize(("scenario", "failing"), CONVERSATIONS, ids=str)
@settings(max_examples=5)
@given(any_seed)
def test_a_saga_ends_completed_with_all_steps_or_compensated_with_none(
    scenario: str, failing: tuple[str, ...], seed: int
) -> None:
    office = worked(scenario, failing=failing, seed=seed)
    everything = {step.name for step in DEFINITIONS[scenario].steps}
    assert told(office) == ((End.COMPENSATED, set()) if failing else (End.COMPLETED, everything))


@pytest.mark.parametrize(("scenario", "failing"), CONVERSATIONS, ids=str)
@settings(max_examples=5)
@given(any_seed)
def test_whoever_replays_any_beginning_of_a_log_comes_to_the_same_state_and_decisions(
    scenario: str, failing: tuple[str, ...], seed: int
) -> None:
    office = worked(scenario, failing=failing, seed=seed)
    bounds = [length for length, _ in office.heard[1:]] + [len(office.log)]
    for (length, message), following in zip(office.heard, bounds, strict=True):
        heir = Office(stored(office.log[:length]))
        assert heir.hear(message) == office.log[length:following]
        assert heir.state == saga_log.replay(office.log[:following])


@pytest.mark.parametrize(("scenario", "failing"), CONVERSATIONS, ids=str)
@settings(max_examples=3)
@given(any_seed)
def test_a_saga_driven_on_from_any_beginning_of_its_log_ends_the_same(
    scenario: str, failing: tuple[str, ...], seed: int
) -> None:
    office = worked(scenario, failing=failing, seed=seed)
    for length, heir in heirs_of(office, scenario, failing=failing, seed=seed):
        assert told(heir) == told(office), f"from the first {length} lines"


@settings(max_examples=100)
@given(st.sampled_from(CONVERSATIONS), st.integers(0, 12), any_seed)
def test_a_roll_back_at_any_moment_ends_the_saga_without_a_half(
    conversation: tuple[str, tuple[str, ...]], moment: int, seed: int
) -> None:
    scenario, failing = conversation
    office = Office(failing=failing, seed=seed)
    office.hear(start(scenario))
    while moment and office.on_the_way:
        office.hear(office.answer(office.on_the_way.pop(0)))
        moment -= 1
    office.hear(roll_back(scenario))
    office.run()
    everything = {step.name for step in DEFINITIONS[scenario].steps}
    assert told(office) in ((End.COMPENSATED, set()), (End.COMPLETED, everything))


@settings(max_examples=50)
@given(st.sampled_from(CONVERSATIONS), any_seed)
def test_hops_only_grow_along_a_log(conversation: tuple[str, tuple[str, ...]], seed: int) -> None:
    scenario, failing = conversation
    office = worked(scenario, failing=failing, seed=seed)
    by_cause: dict[str, int] = {}
    for entry in office.log:
        assert entry.hop >= by_cause.setdefault(entry.cause, entry.hop)
    starts = [entry.hop for entry in office.log if entry.mark in (Mark.START_STEP, Mark.START_COMPENSATION)]
    assert starts == sorted(starts)


@pytest.mark.parametrize(("scenario", "failing"), CONVERSATIONS, ids=str)
@settings(max_examples=3)
@given(any_seed)
def test_whoever_goes_on_from_any_beginning_of_a_log_counts_on_from_the_answers_in_it(
    scenario: str, failing: tuple[str, ...], seed: int
) -> None:
    office = worked(scenario, failing=failing, seed=seed)
    for length, heir in heirs_of(office, scenario, failing=failing, seed=seed):
        answered = 0
        for entry in heir.log:
            if entry.mark in (Mark.END_STEP, Mark.END_COMPENSATION):
                answered = max(answered, entry.hop)
            if entry.mark in (Mark.START_STEP, Mark.START_COMPENSATION, Mark.END_SAGA):
                assert entry.hop > answered, f"from the first {length} lines"
