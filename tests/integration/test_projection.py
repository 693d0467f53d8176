"""Trace messages become rows, the same ones however they come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.models import Board, DeadLetter, Saga, Service, TraceRecord
from dashboard.readmodel import board, clock, overdue, projection, rescue, rows, services
from dashboard.readmodel.history import events_of
from saga.bus import Place
from saga.messages import Kind, Trace, User
from saga.state import COMPLETED, RUNNING, STUCK
from tests.dash_factories import (
    REASON,
    accept,
    at,
    compensation,
    completion,
    counters,
    event,
    finish,
    letter,
    life_of,
    no_progress,
    saga,
    say,
    stuck_undo,
    taken_back,
    trace,
    way_back_of,
)

pytestmark = pytest.mark.django_db

property_test = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def shown(saga_id: str) -> dict[str, Any]:
    """Return the row as it is shown, but for its place in the sequence of changes."""
    return {name: value for name, value in board.row_of(saga(saga_id)).items() if name != "seq"}


def batches(traces: list[Trace]) -> st.SearchStrategy[list[list[Trace]]]:
    """Give each message at least once, in any order, in any batches."""
    repeated = st.lists(st.sampled_from(traces), max_size=8).map(lambda more: traces + more)
    return repeated.flatmap(st.permutations).flatmap(in_batches)


def in_batches(items: list[Any]) -> st.SearchStrategy[list[list[Any]]]:
    cuts = st.sets(st.integers(1, max(1, len(items) - 1))).map(lambda found: [0, *sorted(found), len(items)])
    return cuts.map(lambda ends: [items[a:b] for a, b in pairwise(ends)])


LIVES = {"completed": life_of, "compensated": way_back_of}


@pytest.mark.parametrize(("end", "life"), LIVES.items(), ids=LIVES)
@property_test
@given(data=st.data())
def test_any_order_repetition_and_batching_gives_the_same_rows_and_counters(
    data: st.DataObject, end: str, life: Callable[[str], list[Trace]]
) -> None:
    with taken_back():
        expected_id, saga_id = accept(2)
        for said in life(expected_id):
            say(said)
        for batch in data.draw(batches(life(saga_id))):
            say(*batch)
        expected, row = shown(expected_id), shown(saga_id)
        own = {"number", "saga_id", "user", "started_at", "finished"}
        assert {name: row[name] for name in row if name not in own} == {
            name: expected[name] for name in expected if name not in own
        }
        assert counters() == dict.fromkeys(counters(), 0) | {"accepted": 2, "ended": 2, end: 2}
        assert TraceRecord.objects.filter(saga_id=saga_id).count() == len(life(saga_id))
        assert events_of(saga_id) == events_of(expected_id)


@property_test
@given(st.integers(1, 9).flatmap(lambda n: st.permutations(range(n))).flatmap(in_batches))
def test_who_overtook_whom_is_what_counting_gives(order_in_batches: list[list[int]]) -> None:
    order = [one for batch in order_in_batches for one in batch]
    with taken_back():
        ids = accept(len(order))
        for batch in order_in_batches:
            finish(*(ids[one] for one in batch))
        for place, one in enumerate(order):
            row = saga(ids[one])
            overtook = sum(other < one for other in order[place + 1 :])
            overtaken = sum(other > one for other in order[:place])
            assert (row.finished, row.overtook, row.overtaken) == (place + 1, overtook, overtaken)
        moved = Saga.objects.exclude(overtook=0, overtaken=0).count()
        assert counters()["out_of_order"] == moved


ORDERS = {
    "as they started": ([1, 2, 3], [(1, 0, 0), (2, 0, 0), (3, 0, 0)]),
    "backwards": ([3, 2, 1], [(3, 0, 2), (2, 1, 1), (1, 2, 0)]),
    "the last one first": ([3, 1, 2], [(2, 0, 1), (3, 0, 1), (1, 2, 0)]),
    "the first one last": ([2, 3, 1], [(3, 0, 2), (1, 1, 0), (2, 1, 0)]),
    "one of them still runs": ([3, 1], [(2, 0, 1), (None, None, None), (1, 2, 0)]),
}


@pytest.mark.parametrize(("order", "expected"), ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_places_and_overtakings(order: list[int], expected: list[tuple[int, int, int]], together: bool) -> None:
    ids = accept(3)
    ended = [ids[number - 1] for number in order]
    for batch in [ended] if together else [[one] for one in ended]:
        finish(*batch)
    rows = [saga(saga_id) for saga_id in ids]
    assert [(row.finished, row.overtook, row.overtaken) for row in rows] == expected


def test_sagas_that_end_in_one_batch_are_placed_by_when_they_ended() -> None:
    ids = accept(3)
    say(*(completion(saga_id, second=second) for saga_id, second in zip(ids, (30, 10, 20), strict=True)))
    assert [saga(saga_id).finished for saga_id in ids] == [3, 1, 2]


def test_a_completed_saga_stays_so_and_keeps_its_place_when_older_news_arrive() -> None:
    late, other = accept(2)
    finish(late)
    before = shown(late)
    say(*life_of(late)[:-1], completion(other))
    after = shown(late)
    assert {**after, "steps": None} == {**before, "steps": None}
    assert [step["status"] for step in after["steps"]] == ["done", "done", "done"]


def test_a_saga_shows_what_each_service_did() -> None:
    [saga_id] = accept()
    say(*life_of(saga_id)[:5])
    provision, authorize, notify = shown(saga_id)["steps"]
    assert (provision["status"], provision["attempts"], provision["result"]) == ("done", 1, {"for": "provision"})
    assert (authorize["status"], authorize["attempts"], authorize["result"]) == ("retrying", 1, None)
    assert (notify["status"], notify["attempts"], notify["service"]) == ("waiting", 0, "notifier")


def test_a_saga_that_goes_back_shows_why_and_what_was_undone() -> None:
    [saga_id] = accept()
    said = way_back_of(saga_id)
    say(*said[:7])
    assert (shown(saga_id)["status"], shown(saga_id)["reason"]) == ("compensating", REASON)
    say(*said[7:])
    row = shown(saga_id)
    assert (row["status"], row["reason"], row["ended_at"]) == ("compensated", REASON, at(60))
    assert [step["status"] for step in row["steps"]] == ["undone", "undone", "failed"]


def test_a_saga_whose_compensation_is_stuck_says_so_until_it_goes_on() -> None:
    [saga_id] = accept()
    say(*way_back_of(saga_id)[:7], stuck_undo(saga_id))
    row = shown(saga_id)
    assert (row["status"], row["reason"], row["ended_at"]) == ("stuck", "the archive is full", None)
    assert counters()["ended"] == 0
    say(*way_back_of(saga_id)[7:])
    assert (shown(saga_id)["status"], shown(saga_id)["reason"]) == ("compensated", REASON)


def test_a_saga_that_was_stuck_remembers_since_when() -> None:
    [saga_id] = accept()
    say(no_progress(saga_id, since=1))
    stuck_at = saga(saga_id).stuck_at
    assert stuck_at is not None
    say(*life_of(saga_id))
    assert (saga(saga_id).status, saga(saga_id).stuck_at) == (COMPLETED, stuck_at)


def test_what_was_found_stuck_before_it_went_on_stops_nothing() -> None:
    [saga_id] = accept()
    say(*life_of(saga_id)[:4])
    say(no_progress(saga_id, since=1))
    assert (saga(saga_id).status, saga(saga_id).stuck_at) == (RUNNING, None)


def test_a_saga_that_another_program_began_is_adopted() -> None:
    accept()
    user = User(name="Grace Hopper", department="Navy")
    say(trace("foreign", event(Kind.RECEIVED, "provision", at=at(9)), event(Kind.SUCCEEDED, "provision"), user=user))
    row = shown("foreign")
    assert (row["number"], row["status"], row["started_at"]) == (2, RUNNING, at(0))
    assert row["user"] == {"name": "Grace Hopper", "department": "Navy"}
    assert row["steps"][0]["status"] == "done"
    assert counters()["accepted"] == 2


@pytest.mark.parametrize("at_once", [1, 2, 4, 5, 6])
def test_however_few_rows_are_loaded_at_once_each_saga_of_a_batch_gets_on(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(rows, "_IN_LIMIT", at_once)
    ids = accept(5)
    finish(*ids)
    assert [saga(saga_id).status for saga_id in ids] == [COMPLETED] * 5


def test_an_adopted_saga_that_gets_no_further_is_found_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    say(trace("foreign", event(Kind.STARTED, service="dashboard", hop=0)))
    monkeypatch.setattr(overdue.clock, "now", lambda: datetime.now(UTC) + timedelta(days=1))
    assert [saga.saga_id for saga in overdue.overdue(60)] == ["foreign"]


def test_the_deadline_of_a_saga_that_is_fed_while_its_events_are_projected_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [saga_id] = accept()
    load = projection.load_sagas

    def load_before_it_is_marked(ids: Any) -> Any:
        found = load(ids)
        rows.mark_fed([(1, 1, Place("new-user", 0, 0))], at=clock.utc_now())
        return found

    monkeypatch.setattr(projection, "load_sagas", load_before_it_is_marked)
    say(trace(saga_id, event(Kind.STARTED, service="dashboard", hop=0)))
    monkeypatch.setattr(overdue.clock, "now", lambda: datetime.now(UTC) + timedelta(days=1))
    assert [saga.saga_id for saga in overdue.overdue(60)] == [saga_id]


def test_an_adopted_saga_is_not_sent_by_the_outbox() -> None:
    say(*life_of("foreign"))
    assert not Saga.objects.filter(fed_offset=None).exists()
    assert saga("foreign").status == COMPLETED


def test_a_dead_letter_stops_its_saga_at_once_and_says_why() -> None:
    known, other = accept(2)
    say(life_of(known)[0], life_of(other)[0])
    say(letters=[letter(key=known)])
    assert saga(known).status == STUCK
    assert saga(known).reason == "a message was dead-lettered: the message is empty"
    assert saga(other).status == RUNNING


def test_a_dead_letter_that_is_read_again_does_not_stop_a_saga_that_was_helped_since() -> None:
    [saga_id] = accept()
    say(letters=[letter(key=saga_id)])
    say(*life_of(saga_id)[:3])
    assert saga(saga_id).status == RUNNING
    say(letters=[letter(key=saga_id)])
    assert saga(saga_id).status == RUNNING


def test_a_dead_letter_of_an_ended_saga_changes_nothing_about_it() -> None:
    [saga_id] = accept()
    finish(saga_id)
    say(letters=[letter(key=saga_id)])
    assert (saga(saga_id).status, saga(saga_id).reason) == (COMPLETED, None)


def test_a_dead_letter_is_kept_once_however_often_it_is_read() -> None:
    say(letters=[letter(), letter()])
    say(letters=[letter(), letter(offset=18)])
    assert counters()["dead_letters"] == DeadLetter.objects.count() == 2


def test_what_stands_at_a_place_that_a_broker_forgot_is_another_dead_letter() -> None:
    [saga_id] = accept()
    say(letters=[letter(value="garbage of yesterday", written_at=1)])
    say(letters=[letter(value="garbage of today", written_at=2, key=saga_id)])
    assert [known.value for known in DeadLetter.objects.order_by("id")] == ["garbage of yesterday", "garbage of today"]
    assert saga(saga_id).status == STUCK


def kill(name: str) -> None:
    Service.objects.filter(name=name).update(view={"instances": [{"instance": "n-1"}]})
    services.kill(name)


CHANGES = {
    "sagas are accepted": lambda: accept(3),
    "something is said": lambda: say(life_of("known")[1]),
    "a saga is adopted": lambda: say(life_of("unknown")[1]),
    "a saga ends": lambda: say(completion("known")),
    "a dead letter comes": lambda: say(letters=[letter()]),
    "a service is asked to stop": lambda: services.change("notifier", running=False),
    "a service shall die": lambda: kill("notifier"),
    "all faults are cleared": services.clear_faults,
    "somebody wants a retry": lambda: rescue.retry("known"),
    "somebody wants it rolled back": lambda: rescue.roll_back("known"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_takes_the_next_numbers_of_the_sequence(change: Any) -> None:
    services.ensure_rows((0, 0))
    say(life_of("known")[0])
    before = Board.current().seq
    change()
    view = board.changes(after=before, limit=100)
    assert view is not None
    numbers = sorted(row["seq"] for row in view.sagas)
    assert view.seq == Board.current().seq > before
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
