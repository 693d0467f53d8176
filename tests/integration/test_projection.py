"""Trace messages become rows, the same ones however they come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.models import DeadLetter, Saga, TraceRecord
from dashboard.readmodel import board, clock, overdue, projection, rows
from dashboard.readmodel.history import events_of
from saga.bus import Place
from saga.messages import MAX_REASON, Kind, Trace, User
from saga.state import COMPLETED, RUNNING, STUCK
from tests.support.dashboard.factories import (
    REASON,
    accept,
    at,
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
    trace,
    way_back_of,
)
from tests.support.dashboard.properties import in_batches, property_test, taken_back

pytestmark = pytest.mark.django_db


def shown(saga_id: str) -> dict[str, Any]:
    """Return the row as it is shown, but for its place in the sequence of changes."""
    return {name: value for name, value in board.row_of(saga(saga_id)).items() if name != "seq"}


def batches(traces: list[Trace]) -> st.SearchStrategy[list[list[Trace]]]:
    """Give each message at least once, in any order, in any batches."""
    repeated = st.lists(st.sampled_from(traces), max_size=8).map(lambda more: traces + more)
    return repeated.flatmap(st.permutations).flatmap(in_batches)


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


def test_a_stuck_saga_remembers_since_when_whatever_is_said_of_it_meanwhile() -> None:
    [saga_id] = accept()
    say(stuck_undo(saga_id))
    stuck_at = saga(saga_id).stuck_at
    assert stuck_at is not None
    say(trace(saga_id, event(Kind.SUCCEEDED, "provision")))
    assert (saga(saga_id).status, saga(saga_id).stuck_at) == (STUCK, stuck_at)


def test_what_is_said_again_is_no_progress() -> None:
    [saga_id] = accept()
    said = life_of(saga_id)[:2]
    say(*said)
    Saga.objects.update(progress_at=at(0))
    say(*said)
    assert saga(saga_id).progress_at == at(0)


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
    for said in ([], life_of(saga_id)[:3]):
        say(*said, letters=[letter(key=saga_id)])
        assert saga(saga_id).status == RUNNING


def test_why_a_saga_was_stopped_has_an_end() -> None:
    [saga_id] = accept()
    say(letters=[letter(key=saga_id, reason="x" * 10_000)])
    assert len(saga(saga_id).reason) == MAX_REASON


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
