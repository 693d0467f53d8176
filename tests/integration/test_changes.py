"""Every change takes its place in one sequence, and whoever asks for all since then misses none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.models import Board, Service
from dashboard.readmodel import board, rescue, services
from saga.messages import Kind
from saga.topics import SERVICES
from tests.support.dashboard.factories import (
    accept,
    compensation,
    completion,
    event,
    finish,
    letter,
    life_of,
    no_progress,
    say,
    stuck_undo,
    trace,
    way_back_of,
)
from tests.support.dashboard.properties import property_test, taken_back

pytestmark = pytest.mark.django_db


def kill(name: str) -> None:
    Service.objects.filter(name=name).update(view={"instances": [{"instance": "n-1"}]})
    services.kill(name)


# What is done, and how many rows of sagas and services are told of because of it.
CHANGES: dict[str, tuple[Any, int]] = {
    "sagas are accepted": (lambda: accept(3), 3),
    "something is said": (lambda: say(life_of("known")[1]), 1),
    "a saga is adopted": (lambda: say(life_of("unknown")[1]), 1),
    "a saga ends": (lambda: say(completion("known")), 1),
    "a dead letter comes": (lambda: say(letters=[letter()]), 0),
    "a service is asked to stop": (lambda: services.change("notifier", running=False), 1),
    "a service shall die": (lambda: kill("notifier"), 1),
    "all faults are cleared": (services.clear_faults, len(SERVICES)),
    "somebody wants a retry": (lambda: rescue.retry("known"), 1),
    "somebody wants it rolled back": (lambda: rescue.roll_back("known"), 1),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_every_change_takes_the_next_numbers_of_the_sequence(change: Any, told: int) -> None:
    services.ensure_rows((0, 0))
    say(life_of("known")[0])
    before = Board.current().seq
    change()
    view = board.changes(after=before, limit=100)
    assert view is not None
    numbers = sorted(row["seq"] for row in view.sagas + view.services)
    assert view.seq == Board.current().seq > before
    assert len(numbers) == told
    assert all(before < seq <= view.seq for seq in numbers)


def test_nothing_changed_is_told_as_nothing() -> None:
    accept()
    assert board.changes(after=Board.current().seq, limit=100) is None


@property_test
@given(limit=st.integers(1, 7), actions=st.lists(st.lists(st.integers(0, 5), min_size=1), max_size=5))
def test_whoever_asks_for_changes_again_and_again_misses_none_and_sees_none_twice(
    limit: int, actions: list[list[int]]
) -> None:
    with taken_back():
        ids = accept(6)
        seen = Board.current().seq
        for batch in actions:
            say(*(trace(ids[one], event(Kind.RECEIVED, "provision")) for one in batch))
            rows = []
            while view := board.changes(after=seen, limit=limit):
                rows += view.sagas
                seen = view.seq
            assert sorted(row["saga_id"] for row in rows) == sorted({ids[one] for one in batch})
            assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
        assert seen == Board.current().seq


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
def test_pages_of_changes_bring_everything_once(limit: int) -> None:
    ids, seen, found = accept(10), 0, []
    while view := board.changes(after=seen, limit=limit):
        assert len(view.sagas) <= limit
        found += [row["saga_id"] for row in view.sagas]
        seen = view.seq
    assert found == ids


def test_counters_add_up() -> None:
    ids = accept(6)
    finish(ids[1], ids[0])
    say(compensation(ids[2], second=3), no_progress(ids[3], since=1))
    view = board.snapshot(trace=True)
    assert view.counters == {
        "accepted": 6,
        "running": 3,
        "completed": 2,
        "compensated": 1,
        "stuck": 1,
        "out_of_order": 2,
        "dead_letters": 0,
        "waiting": 3,
    }


def test_a_saga_that_ended_before_a_wish_about_it_was_sent_does_not_wait_for_ever() -> None:
    [saga_id] = accept()
    rescue.retry(saga_id)
    finish(saga_id)
    assert board.snapshot(trace=True).counters["waiting"] == 0


def test_without_trace_only_what_has_ended_or_is_or_was_stuck_is_shown() -> None:
    running, completed, compensated, stuck, was_stuck = accept(5)
    say(life_of(running)[1], no_progress(stuck, since=1), no_progress(was_stuck, since=1))
    finish(completed)
    say(compensation(compensated), *life_of(was_stuck)[:3])
    shown_ids = [row["saga_id"] for row in board.snapshot(trace=False).sagas]
    assert shown_ids == [was_stuck, stuck, compensated, completed]


def test_without_trace_no_steps_are_told() -> None:
    [saga_id] = accept()
    say(*way_back_of(saga_id)[:7], stuck_undo(saga_id))
    [row] = board.without_steps(board.snapshot(trace=False).sagas)
    assert "steps" not in row
    assert (row["status"], row["reason"]) == ("stuck", "the archive is full")
