"""What a person can do about a saga that does not get on: each wish is decided by the server, and never half done."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dashboard.errors import Conflict
from dashboard.models import Board
from dashboard.readmodel import board, outbox, rescue
from saga.messages import Kind
from tests.support.dashboard.api import post
from tests.support.dashboard.factories import (
    accept,
    compensation,
    finish,
    no_progress,
    saga,
    say,
    stuck_undo,
    trace,
    undo_event,
    way_back_of,
)
from tests.support.dashboard.race import together
from tests.support.dashboard.refusals import reason_of

pytestmark = pytest.mark.django_db


def wanted(saga_id: str) -> tuple[int, int | None, str | None, int | None]:
    row = saga(saga_id)
    return row.round, row.roll_back_hop, row.resolved_step, row.fed_offset


def feed(saga_id: str) -> None:
    row = saga(saga_id)
    row.fed_topic, row.fed_partition, row.fed_offset = "new-user", 0, 0
    row.save()


def changed_since(seq: int) -> list[dict[str, Any]]:
    view = board.changes(after=seq, limit=100)
    return sorted(view.sagas, key=lambda row: row["seq"]) if view else []


@pytest.fixture
def stuck() -> str:
    """A saga on its way back whose compensation of `authorize` is stuck."""
    [saga_id] = accept()
    say(*way_back_of(saga_id)[:7], stuck_undo(saga_id))
    feed(saga_id)
    return saga_id


def test_a_retry_drives_the_saga_on(client: Client, stuck: str) -> None:
    answer = post(client, f"/api/sagas/{stuck}/retry")
    assert (answer.status_code, answer.json()["saga_id"]) == (202, stuck)
    assert wanted(stuck) == (2, None, None, None)


def test_all_that_is_stuck_is_driven_on_at_once_and_nothing_else(client: Client, stuck: str) -> None:
    [other, running, ended] = accept(3)
    say(*way_back_of(other)[:7], stuck_undo(other))
    finish(ended)
    seen = Board.current().seq
    answer = post(client, "/api/sagas/retry")
    assert (answer.status_code, answer.json()) == (202, {"saga_ids": [stuck, other]})
    assert [saga(each).round for each in (stuck, other, running, ended)] == [2, 2, 1, 1]
    assert wanted(stuck) == (2, None, None, None)
    assert [row["saga_id"] for row in changed_since(seen)] == [stuck, other]


def test_where_nothing_is_stuck_there_is_nothing_to_drive_on(client: Client) -> None:
    accept()
    assert post(client, "/api/sagas/retry").json() == {"saga_ids": []}


def test_a_roll_back_is_written_down_with_its_place_after_all_that_was_said(client: Client, stuck: str) -> None:
    hop = json.loads(saga(stuck).state)["hop"]
    answer = post(client, f"/api/sagas/{stuck}/roll-back")
    assert (answer.status_code, answer.json()["rolling_back"]) == (202, True)
    assert wanted(stuck) == (2, hop + 1, None, None)


def test_a_step_that_was_undone_by_hand_is_passed(client: Client, stuck: str) -> None:
    answer = post(client, f"/api/sagas/{stuck}/resolution", {"step": "authorize"})
    assert answer.status_code == 202
    assert wanted(stuck) == (2, None, "authorize", None)


def test_a_roll_back_that_is_asked_for_twice_is_the_same(client: Client, stuck: str) -> None:
    post(client, f"/api/sagas/{stuck}/roll-back")
    feed(stuck)
    before = wanted(stuck), saga(stuck).seq
    assert post(client, f"/api/sagas/{stuck}/roll-back").status_code == 202
    assert (wanted(stuck), saga(stuck).seq) == before


def test_a_saga_that_another_program_began_can_be_driven_on(client: Client) -> None:
    say(*way_back_of("foreign")[:3])
    assert post(client, "/api/sagas/foreign/retry").status_code == 202
    assert saga("foreign").fed_offset is None


WISHES: dict[str, dict[str, str]] = {"retry": {}, "roll-back": {}, "resolution": {"step": "authorize"}}


@pytest.mark.parametrize(("wish", "body"), WISHES.items(), ids=WISHES)
def test_a_saga_that_does_not_exist_cannot_be_helped(client: Client, wish: str, body: Any) -> None:
    assert "there is no saga" in reason_of(post(client, f"/api/sagas/nobody/{wish}", body), 404)


ENDS: dict[str, Callable[[str], None]] = {
    "completed": finish,
    "compensated": lambda saga_id: say(compensation(saga_id)),
}


@pytest.mark.parametrize(("end", "bring_to_it"), ENDS.items(), ids=ENDS)
@pytest.mark.parametrize(("wish", "body"), WISHES.items(), ids=WISHES)
def test_a_saga_that_has_ended_is_left_alone(
    client: Client, wish: str, body: Any, end: str, bring_to_it: Callable[[str], None]
) -> None:
    [saga_id] = accept()
    bring_to_it(saga_id)
    before = wanted(saga_id), saga(saga_id).seq
    assert end in reason_of(post(client, f"/api/sagas/{saga_id}/{wish}", body), 409)
    assert (wanted(saga_id), saga(saga_id).seq) == before


RESOLUTIONS: dict[str, tuple[Any, int, str]] = {
    "a step that is not stuck": ({"step": "provision"}, 409, "not stuck"),
    "an unknown step": ({"step": "teleport"}, 422, "teleport"),
    "a step of another scenario": ({"step": "hotel"}, 422, "hotel"),
    "no step": ({}, 422, "step"),
    "a number": ({"step": 7}, 422, "step"),
    "an unknown field": ({"step": "authorize", "really": True}, 422, "really"),
}


@pytest.mark.parametrize(("body", "status", "reason"), RESOLUTIONS.values(), ids=RESOLUTIONS)
def test_only_a_compensation_that_is_stuck_can_be_resolved_by_hand(
    client: Client, stuck: str, body: Any, status: int, reason: str
) -> None:
    before = wanted(stuck)
    assert reason in reason_of(post(client, f"/api/sagas/{stuck}/resolution", body), status)
    assert wanted(stuck) == before


def test_a_saga_that_only_makes_no_progress_has_no_step_to_resolve(client: Client) -> None:
    [saga_id] = accept()
    say(no_progress(saga_id, since=1))
    assert saga(saga_id).status == "stuck"
    assert "not stuck" in reason_of(post(client, f"/api/sagas/{saga_id}/resolution", {"step": "authorize"}), 409)


def test_a_second_resolution_does_not_take_the_place_of_one_that_waits_to_be_sent() -> None:
    [saga_id] = accept()
    say(stuck_undo(saga_id, "provision"), stuck_undo(saga_id, "authorize"))
    rescue.resolve(saga_id, "provision")
    with pytest.raises(Conflict):
        rescue.resolve(saga_id, "authorize")
    rescue.resolve(saga_id, "provision")
    assert saga(saga_id).resolved_step == "provision"


def test_when_a_step_was_resolved_the_next_one_can_be() -> None:
    [saga_id] = accept()
    say(stuck_undo(saga_id, "provision"), stuck_undo(saga_id, "authorize"))
    rescue.resolve(saga_id, "authorize")
    say(trace(saga_id, undo_event(Kind.UNDONE, "authorize", attempt=9)))
    rescue.resolve(saga_id, "provision")
    assert saga(saga_id).resolved_step == "provision"


@pytest.mark.parametrize(("wish", "body"), WISHES.items(), ids=WISHES)
def test_the_relay_is_told_at_once_of_what_is_wanted(client: Client, stuck: str, wish: str, body: Any) -> None:
    outbox.news.clear()
    assert post(client, f"/api/sagas/{stuck}/{wish}", body).status_code == 202
    assert outbox.news.is_set()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("round", range(3))
def test_retry_and_roll_back_at_once_are_decided_in_one_order_and_neither_is_lost(round: int) -> None:
    [saga_id] = accept()
    feed(saga_id)
    together(lambda: rescue.retry(saga_id), lambda: rescue.roll_back(saga_id), lambda: rescue.roll_back(saga_id))
    row = saga(saga_id)
    assert (row.round, row.roll_back_hop, row.fed_offset) == (3, 1, None)
