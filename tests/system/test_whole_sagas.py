"""Sagas of every kind in the whole workshop: they complete, are compensated, or wait for a person who helps them."""

import json
from contextlib import closing
from typing import Any

import pytest

from saga.bus import Outgoing
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop
from workshop.kafka_bus import KafkaBus, address_in

# As many attempts as the policy of a compensation has, so that only a person's retry comes after them.
ALL_ATTEMPTS = 8
NEVER = {"action": "undo", "failures": None}


@pytest.fixture(scope="module", autouse=True)
def cannot_be_undone(workshop: LiveWorkshop) -> dict[str, str]:
    """Sagas whose compensation is tried to the end of its policy, which takes a while: begun first, needed last."""
    only_by_hand = {"plane": NEVER, "hotel": {"error": "the hotel is full"}}
    after_all = {"car": {"action": "undo", "failures": ALL_ATTEMPTS, "retryable": True}, "hotel": {}}
    [resolved] = workshop.start_sagas(scenario="package", faults=only_by_hand)
    [retried] = workshop.start_sagas(scenario="trip", faults=after_all)
    return {"plane": resolved, "car": retried}


@pytest.mark.parametrize("style", ["choreography", "orchestration"])
def test_a_user_who_cannot_be_notified_gives_everything_back(workshop: LiveWorkshop, style: str) -> None:
    [saga_id] = workshop.onboard(1, style=style, faults={"notify": {"error": "no such mailbox"}})
    workshop.wait_for_status(saga_id, "compensated")
    workshop.wait_for_steps(saga_id, {"provision": "undone", "authorize": "undone", "notify": "failed"})
    assert workshop.saga(saga_id)["reason"] == "no such mailbox"
    assert workshop.mails([saga_id]) == 0


STORIES: dict[str, tuple[str, dict[str, Any], str, dict[str, str]]] = {
    "a package that works out": ("package", {}, "completed", {"plane": "done", "hotel": "done", "tickets": "done"}),
    "a package whose hotel is full": (
        "package",
        {"hotel": {"error": "the hotel is full"}},
        "compensated",
        {"plane": "undone", "hotel": "failed", "tickets": "undone"},
    ),
    "a trip that needs three attempts at the hotel": (
        "trip",
        {"hotel": {"failures": 2, "retryable": True}},
        "completed",
        {"car": "done", "hotel": "done", "flight": "done"},
    ),
    "a trip without a flight": (
        "trip",
        {"flight": {}},
        "compensated",
        {"car": "undone", "hotel": "undone", "flight": "failed"},
    ),
    "a trip that ends where it begins": (
        "trip",
        {"car": {}},
        "compensated",
        {"car": "failed", "hotel": "waiting", "flight": "waiting"},
    ),
}


@pytest.mark.parametrize(("scenario", "faults", "end", "steps"), STORIES.values(), ids=STORIES)
def test_a_journey_ends_as_its_faults_decide(
    workshop: LiveWorkshop, scenario: str, faults: dict[str, Any], end: str, steps: dict[str, str]
) -> None:
    [saga_id] = workshop.start_sagas(scenario=scenario, faults=faults)
    workshop.wait_for_status(saga_id, end)
    workshop.wait_for_steps(saga_id, steps)
    for step in workshop.saga(saga_id)["steps"]:
        assert step["attempts"] == faults.get(step["name"], {}).get("failures", 0) + (step["status"] != "waiting")


def test_a_coordinator_that_is_killed_half_way_is_replaced_and_every_saga_goes_on(workshop: LiveWorkshop) -> None:
    saga_ids = workshop.start_sagas(scenario="trip", count=15)
    saga_ids += workshop.onboard(10, style="orchestration")
    saga_ids += workshop.start_sagas(scenario="package", count=10, faults={"tickets": {}})
    eventually(lambda: workshop.steps_done(saga_ids) > 10, within_s=PATIENCE_S)
    workshop.kill_process("coordinator")
    workshop.wait_until_all_ended(saga_ids)
    ends = workshop.sagas()
    assert [ends[saga_id]["status"] for saga_id in saga_ids] == ["completed"] * 25 + ["compensated"] * 10
    assert workshop.processes()["coordinator"]["restarts"] == 1


def test_a_saga_whose_service_is_stopped_is_stuck_until_it_is_started_or_rolled_back(workshop: LiveWorkshop) -> None:
    workshop.stop_service("hotel")
    goes_on, goes_back = workshop.start_sagas(scenario="trip", count=2)
    for saga_id in (goes_on, goes_back):  # until then one may be stuck because the machine is slow
        workshop.wait_for_steps(saga_id, {"car": "done", "hotel": "waiting", "flight": "waiting"})
    assert workshop.wait_for_status(goes_on, "stuck")["reason"] == "no progress for 2 s"
    workshop.wait_for_status(goes_back, "stuck")
    workshop.roll_back(goes_back)
    eventually(lambda: ("undoing", None) in events(workshop, goes_back), within_s=PATIENCE_S)
    workshop.change_service("hotel", running=True)
    workshop.wait_until_all_ended([goes_on, goes_back])
    workshop.wait_for_steps(goes_on, {"car": "done", "hotel": "done", "flight": "done"})
    assert workshop.status_of(goes_back) == "compensated"
    eventually(lambda: workshop.steps_of(goes_back)["car"] == "undone", within_s=PATIENCE_S)


def events(workshop: LiveWorkshop, saga_id: str) -> set[tuple[str, str | None]]:
    return {(event["kind"], event["step"]) for event in workshop.saga(saga_id)["events"]}


def test_a_damaged_message_is_corrected_and_replayed_and_its_saga_finishes(workshop: LiveWorkshop) -> None:
    workshop.set_faults("authorizer", drop_rate=1.0)
    [saga_id] = workshop.onboard(1)
    eventually(lambda: workshop.steps_of(saga_id)["provision"] == "done", within_s=PATIENCE_S)
    saga = workshop.wait_for_status(saga_id, "stuck")
    workshop.set_faults("authorizer")
    [lost] = [event["payload"] for event in saga["events"] if event["topic"] == "authorize"]
    damage(workshop, Outgoing(topic="authorize", key=saga_id.encode(), value=json.dumps(lost)[:-20].encode()))
    letter = eventually(lambda: dead_letter_of(workshop, saga_id), within_s=PATIENCE_S)
    workshop.send("POST", f"/api/dead-letters/{letter['id']}/replay", {"value": json.dumps(lost)})
    workshop.wait_for_status(saga_id, "completed")
    assert dead_letter_of(workshop, saga_id)["replayed_at"] is not None


def damage(workshop: LiveWorkshop, message: Outgoing) -> None:
    """Write a message to the workshop's broker as a broken program would."""
    bus = KafkaBus(address_in(workshop.var_dir / "run" / "broker"), embedded=True, client_id="test")
    with closing(bus), closing(bus.producer()) as producer:
        producer.send([message])


def dead_letter_of(workshop: LiveWorkshop, saga_id: str) -> Any:
    letters = workshop.get("/api/dead-letters")["dead_letters"]
    return next((letter for letter in letters if letter["saga_id"] == saga_id), None)


def test_a_compensation_that_never_succeeds_waits_for_a_person_who_undoes_it_by_hand(
    workshop: LiveWorkshop, cannot_be_undone: dict[str, str]
) -> None:
    saga_id = cannot_be_undone["plane"]
    eventually(lambda: workshop.steps_of(saga_id)["plane"] == "stuck", within_s=PATIENCE_S)
    assert workshop.status_of(saga_id) == "stuck"
    workshop.resolve(saga_id, "plane")
    saga = workshop.wait_for_status(saga_id, "compensated")
    assert saga["reason"] == "the hotel is full"
    workshop.wait_for_steps(saga_id, {"plane": "undone", "hotel": "failed", "tickets": "undone"})


def test_a_compensation_that_was_given_up_is_tried_again_when_a_person_says_so(
    workshop: LiveWorkshop, cannot_be_undone: dict[str, str]
) -> None:
    saga_id = cannot_be_undone["car"]
    eventually(lambda: workshop.steps_of(saga_id)["car"] == "stuck", within_s=PATIENCE_S)
    workshop.retry(saga_id)
    workshop.wait_for_status(saga_id, "compensated")
    eventually(lambda: workshop.steps_of(saga_id)["car"] == "undone", within_s=PATIENCE_S)
    assert workshop.saga(saga_id)["steps"][0]["undo_attempts"] == ALL_ATTEMPTS + 1


def test_after_all_that_the_ledgers_agree_with_the_sagas(workshop: LiveWorkshop) -> None:
    workshop.wait_until_quiet()
    assert workshop.broken_invariants() == []
