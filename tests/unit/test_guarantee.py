"""Every saga ends completed or compensated, never a half, whatever is repeated, reordered, delayed or lost."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga.definitions import DEFINITIONS, Definition
from saga.messages import Action, Kind, StepFault
from saga.participation import STANDING, Status
from saga.state import COMPENSATED, COMPLETED, STUCK
from tests.support.sagas.world import World

WAYS = [(definition, style) for definition in DEFINITIONS.values() for style in definition.styles]
every_way = pytest.mark.parametrize(("definition", "style"), WAYS, ids=[f"{d.scenario}, {s}" for d, s in WAYS])
DELIVERIES = 400
# Each of them runs through whole sagas, in every scenario and style.
some = settings(max_examples=30)


def one_fault(definition: Definition) -> st.SearchStrategy[dict[str, StepFault]]:
    fault = st.builds(
        StepFault,
        failures=st.none() | st.integers(1, 8),
        retryable=st.booleans(),
        action=st.just(Action.DO),
    )
    return st.dictionaries(st.sampled_from([step.name for step in definition.steps]), fault, max_size=2)


def stubborn_undo(definition: Definition) -> st.SearchStrategy[dict[str, StepFault]]:
    """One step fails, and the compensation of another one fails for ever."""
    names = [step.name for step in definition.steps]
    failing = st.just(StepFault(failures=None, retryable=False))
    stubborn = st.just(StepFault(failures=None, retryable=True, action=Action.UNDO))
    return st.permutations(names).flatmap(lambda some: st.fixed_dictionaries({some[0]: failing, some[1]: stubborn}))


def run(world: World, data: st.DataObject, *, duplicates: int = 0, losses: int = 0) -> None:
    """Deliver all there is, in any order, with so many duplicates and losses."""
    for _ in range(DELIVERIES):
        if not world.mail:
            return
        number = data.draw(st.integers(0, len(world.mail) - 1))
        act = data.draw(st.sampled_from(["deliver"] * 6 + ["again"] * bool(duplicates) + ["lose"] * bool(losses)))
        if act == "lose" and not world.mail[number][2]:  # a timer is a row of a ledger, and cannot be lost
            losses -= 1
            world.lose(number)
        else:
            duplicates -= act == "again"
            world.deliver(number, again=act == "again")
    raise AssertionError(f"still not quiet: {world.mail}")


def roll_back_at_any_moment(world: World, data: st.DataObject) -> None:
    world.start()
    for _ in range(data.draw(st.integers(0, 12))):
        if world.mail:
            world.deliver(data.draw(st.integers(0, len(world.mail) - 1)))
    world.roll_back()


def drive_on(world: World, data: st.DataObject) -> None:
    """Retry the saga if it has not ended, and let nothing more go wrong."""
    if not world.state.has_ended:
        world.retry()
        run(world, data)


def check_agreement(world: World) -> None:
    """The ledgers and what was told agree with the status, nothing was done or taken back twice, an end is final."""
    assert len({event.kind for event in world.events if event.kind in (Kind.COMPLETED, Kind.COMPENSATED)}) <= 1
    statuses = {name: world.ledgers[name].status for name in world.ledgers}
    steps = [step.name for step in world.definition.steps]
    told = {step.status for step in world.state.steps}
    if world.state.status == COMPLETED:
        assert all(statuses[name] is Status.DONE for name in steps)
        assert told == {"done"}
    if world.state.status == COMPENSATED:
        assert not [name for name in steps if statuses.get(name) in STANDING]
        assert told <= {"waiting", "failed", "undone", "refused"}
    assert not [name for name in steps if world.performed[name] > 1 or world.taken_back[name] > world.performed[name]]


@every_way
@some
@given(data=st.data())
def test_each_saga_ends_completed_or_compensated(definition: Definition, style: str, data: st.DataObject) -> None:
    world = World(definition, style, data.draw(one_fault(definition)))
    world.start()
    run(world, data, duplicates=3)
    assert world.state.status in (COMPLETED, COMPENSATED)
    check_agreement(world)


@every_way
@some
@given(data=st.data())
def test_a_saga_that_lost_messages_ends_once_it_is_driven_on(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    world = World(definition, style, data.draw(one_fault(definition)))
    world.start()
    run(world, data, duplicates=2, losses=2)
    drive_on(world, data)
    assert world.state.status in (COMPLETED, COMPENSATED)
    check_agreement(world)


@every_way
@some
@given(data=st.data())
def test_a_saga_rolled_back_at_any_moment_is_never_left_half_done(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    world = World(definition, style, data.draw(one_fault(definition)))
    roll_back_at_any_moment(world, data)
    run(world, data, duplicates=2)
    assert world.state.status in (COMPLETED, COMPENSATED)
    check_agreement(world)


@every_way
@some
@given(data=st.data())
def test_losing_messages_of_a_roll_back_leaves_nothing_half_done_once_it_is_driven_on(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    world = World(definition, style, data.draw(one_fault(definition)))
    roll_back_at_any_moment(world, data)
    run(world, data, losses=3)
    drive_on(world, data)
    assert world.state.status in (COMPLETED, COMPENSATED)
    check_agreement(world)


@every_way
@some
@given(data=st.data())
def test_only_a_compensation_that_cannot_succeed_leaves_a_saga_stuck(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    world = World(definition, style, data.draw(stubborn_undo(definition)))
    world.start()
    run(world, data, duplicates=2)
    stubborn = [name for name, fault in world.faults.items() if fault.action is Action.UNDO]
    was_done = [name for name in stubborn if world.performed[name]]
    assert world.state.status == (STUCK if was_done else COMPENSATED)
    check_agreement(world)


@every_way
@some
@given(data=st.data())
def test_a_stuck_saga_ends_compensated_once_its_step_is_undone_by_hand(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    world = World(definition, style, data.draw(stubborn_undo(definition)))
    world.start()
    run(world, data)
    for step in stuck_steps(world):
        world.resolve(step)
        run(world, data, duplicates=1)
    assert world.state.status == COMPENSATED


@every_way
@some
@given(data=st.data())
def test_a_stuck_saga_tries_its_compensation_again_when_it_is_retried(
    definition: Definition, style: str, data: st.DataObject
) -> None:
    failures = data.draw(st.integers(9, 20))
    first, *_, last = definition.steps
    faults = {
        last.name: StepFault(failures=None),
        first.name: StepFault(failures=failures, retryable=True, action=Action.UNDO),
    }
    world = World(definition, style, faults)
    world.start()
    run(world, data)
    assert world.state.status == STUCK
    for _ in range(failures):
        if world.state.has_ended:
            break
        world.retry()
        run(world, data)
    assert world.state.status == COMPENSATED
    assert world.state.steps[0].undo_attempts == failures + 1


@every_way
def test_n_failures_mean_n(definition: Definition, style: str) -> None:
    name = definition.steps[0].name
    world = World(definition, style, {name: StepFault(failures=5, retryable=True)})
    world.start()
    while world.mail:
        world.deliver(0)
    assert world.state.status == COMPLETED
    assert world.state.steps[0].attempts == 6


def test_both_styles_end_in_the_same_way_for_the_same_faults() -> None:
    onboarding = DEFINITIONS["onboarding"]
    for step in onboarding.steps:
        for retryable, failures in ((True, 2), (True, None), (False, 1)):
            faults = {step.name: StepFault(failures=failures, retryable=retryable)}
            assert len({end_of(onboarding, style, faults) for style in onboarding.styles}) == 1


def end_of(definition: Definition, style: str, faults: dict[str, StepFault]) -> str:
    world = World(definition, style, faults)
    world.start()
    while world.mail:
        world.deliver(0)
    return world.state.status


def stuck_steps(world: World) -> Iterator[str]:
    return iter([step.name for step in world.state.steps if step.status == STUCK])
