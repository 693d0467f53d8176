"""A saga's history: all that was said of it, causes before effects, and the messages that got lost on the way."""

from functools import partial
from typing import Any

import pytest
from django.test import Client

from dashboard.readmodel.history import events_of
from saga.definitions import TRIP
from saga.messages import Action, Kind, TraceEvent
from tests.support.dashboard.factories import (
    REASON,
    accept,
    at,
    event,
    letter,
    life_of,
    say,
    trace,
    undo_event,
    way_back_of,
)

pytestmark = pytest.mark.django_db

THERE_AND_BACK = [
    ("started", None, "do"),
    ("received", "provision", "do"),
    ("succeeded", "provision", "do"),
    ("received", "authorize", "do"),
    ("succeeded", "authorize", "do"),
    ("received", "notify", "do"),
    ("failed", "notify", "do"),
    ("undoing", "authorize", "undo"),
    ("undone", "authorize", "undo"),
    ("undoing", "provision", "undo"),
    ("undone", "provision", "undo"),
    ("compensated", None, "do"),
]


def told(saga_id: str) -> list[tuple[str, str | None, str]]:
    return [(event["kind"], event["step"], event["action"]) for event in events_of(saga_id)]


def test_the_way_back_is_told_after_the_way_there_in_whatever_order_it_arrived() -> None:
    say(*reversed(way_back_of("known")))
    assert told("known") == THERE_AND_BACK


def test_repeats_are_told_once() -> None:
    say(*way_back_of("known"), *way_back_of("known")[3:9])
    say(*way_back_of("known"))
    assert told("known") == THERE_AND_BACK


def test_what_is_told_again_after_a_crash_is_told_as_it_was_the_first_time() -> None:
    received, succeeded = (partial(event, kind, "provision") for kind in (Kind.RECEIVED, Kind.SUCCEEDED))
    say(trace("known", received(at=at(1)), succeeded(at=at(2))))
    say(trace("known", received(at=at(8)), succeeded(at=at(9))))
    say(trace("known", received(at=at(8))))
    assert [event["at"] for event in events_of("known")] == [at(1), at(2)]


def test_clocks_that_disagree_change_no_order() -> None:
    """Each service has a clock of its own, and one may be far ahead."""
    early = trace("known", event(Kind.SUCCEEDED, "provision", at=at(900)))
    late = trace("known", event(Kind.RECEIVED, "authorize", at=at(1)))
    say(late, early)
    assert told("known") == [("succeeded", "provision", "do"), ("received", "authorize", "do")]


def attempts() -> list[TraceEvent]:
    failures = [
        event(Kind.RETRYING, "notify", attempt=n, at=at(10 * n), detail={"error": f"no {n}", "next_attempt_at": at(99)})
        for n in (1, 2)
    ]
    return [*failures, event(Kind.FAILED, "notify", attempt=3, at=at(30), detail={"error": "no 3"})]


def test_every_attempt_is_told_with_its_error_its_time_and_when_the_next_is_due() -> None:
    say(trace("known", *reversed(attempts())))
    assert [(e["kind"], e["attempt"], e["at"], e["detail"]) for e in events_of("known")] == [
        ("retrying", 1, at(10), {"error": "no 1", "next_attempt_at": at(99)}),
        ("retrying", 2, at(20), {"error": "no 2", "next_attempt_at": at(99)}),
        ("failed", 3, at(30), {"error": "no 3"}),
    ]


def test_a_step_and_its_compensation_have_attempts_of_their_own() -> None:
    undo = undo_event(Kind.UNDO_FAILED, "provision", detail={"error": "not yet"})
    say(trace("known", undo, event(Kind.RETRYING, "provision", detail={"error": "not now"})))
    assert told("known") == [("retrying", "provision", "do"), ("undo failed", "provision", "undo")]


def test_commands_of_the_coordinator_stand_between_the_answers() -> None:
    """A command is told by who gives it, and what came of it by who got it."""
    said = [
        event(Kind.STARTED, "car", of=TRIP, service="coordinator", hop=1),
        event(Kind.RECEIVED, "car", of=TRIP, hop=1),
        event(Kind.SUCCEEDED, "car", of=TRIP, hop=1),
        event(Kind.STARTED, "hotel", of=TRIP, service="coordinator", hop=3),
    ]
    say(trace("known", *reversed(said), scenario="trip", style="orchestration"))
    assert [(e["kind"], e["service"], e["step"]) for e in events_of("known")] == [
        ("started", "coordinator", "car"),
        ("received", "car", "car"),
        ("succeeded", "car", "car"),
        ("started", "coordinator", "hotel"),
    ]


def test_a_command_and_its_compensation_are_told_apart() -> None:
    said = [event(Kind.STARTED, "car", of=TRIP, service="coordinator", action=action) for action in Action]
    say(trace("known", *said, scenario="trip", style="orchestration"))
    assert [e["action"] for e in events_of("known")] == ["do", "undo"]


def test_dead_letters_are_told_with_the_history_of_their_saga() -> None:
    known, other = accept(2)
    say(life_of(known)[0], letters=[letter(key=known), letter(key=other, offset=18)])
    assert [event["kind"] for event in events_of(known)] == ["started", "dead-lettered"]
    last = events_of(known)[-1]
    assert (last["seq"], last["service"], last["detail"]) == (2, "authorizer", {"error": "the message is empty"})
    assert (last["topic"], last["partition"], last["offset"], last["payload"]) == ("authorize", 3, 17, "garbage")


def test_the_history_of_a_compensated_saga_is_told_over_http(client: Client) -> None:
    [saga_id] = accept()
    say(*way_back_of(saga_id))
    answer: dict[str, Any] = client.get(f"/api/sagas/{saga_id}").json()
    assert (answer["status"], answer["reason"]) == ("compensated", REASON)
    assert [event["seq"] for event in answer["events"]] == list(range(1, len(THERE_AND_BACK) + 1))
