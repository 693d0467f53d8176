"""Faults on demand, over HTTP: for the sagas that are being started, and for the services while they run."""

import json
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Saga, Service
from dashboard.readmodel import services
from saga.steering import Instant
from saga.topics import SERVICES
from tests.support.dashboard.refusals import JSON, reason_of

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture(autouse=True)
def _services() -> None:
    services.ensure_rows((0, 0))


def start(client: Client, **asked: Any) -> Saga:
    answer = client.post("/api/sagas", asked, content_type=JSON)
    assert answer.status_code == 202, answer.content
    return Saga.objects.get(saga_id=answer.json()["saga_ids"][0])


def change(client: Client, name: str, **rules: Any) -> Any:
    return client.patch(f"/api/services/{name}", {"faults": rules}, content_type=JSON)


def be_alive(name: str, *instances: str) -> None:
    Service.objects.filter(name=name).update(view={"instances": [{"instance": instance} for instance in instances]})


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing said: once and for good": ({}, {"failures": 1, "retryable": False, "error": None, "action": "do"}),
    "so many attempts": (
        {"failures": 3, "retryable": True, "error": "no seats"},
        {"failures": 3, "retryable": True, "error": "no seats", "action": "do"},
    ),
    "every attempt at its compensation": (
        {"failures": None, "action": "undo"},
        {"failures": None, "retryable": False, "error": None, "action": "undo"},
    ),
}


@pytest.mark.parametrize(("asked", "kept"), FAULTS.values(), ids=FAULTS)
def test_what_shall_go_wrong_with_a_saga_is_kept_with_it(
    client: Client, asked: dict[str, Any], kept: dict[str, Any]
) -> None:
    saga = start(client, scenario="trip", faults={"hotel": asked})
    assert json.loads(saga.faults) == {"hotel": kept}


def test_all_sagas_of_a_request_get_the_same_faults(client: Client) -> None:
    start(client, count=3, faults={"notify": {}})
    assert len(set(Saga.objects.values_list("faults", flat=True))) == 1
    assert Saga.objects.filter(faults__contains="notify").count() == 3


STYLES: dict[str, tuple[dict[str, str], str]] = {
    "onboarding": ({"scenario": "onboarding"}, "choreography"),
    "onboarding with a coordinator": ({"scenario": "onboarding", "style": "orchestration"}, "orchestration"),
    "trip": ({"scenario": "trip"}, "orchestration"),
    "package": ({"scenario": "package", "style": "orchestration"}, "orchestration"),
}


@pytest.mark.parametrize(("asked", "style"), STYLES.values(), ids=STYLES)
def test_a_scenario_runs_in_the_style_asked_for_or_in_its_first(
    client: Client, asked: dict[str, str], style: str
) -> None:
    saga = start(client, **asked)
    assert (saga.scenario, saga.style) == (asked["scenario"], style)


def test_a_traveller_needs_no_department(client: Client) -> None:
    saga = start(client, scenario="trip", users=[{"name": "Ada"}])
    assert (saga.user_name, bool(saga.department)) == ("Ada", True)


RULES: dict[str, dict[str, Any]] = {
    "fail at a rate": {"fail_rate": 0.25, "retryable": False, "error": "out of paper"},
    "fail always, for one step": {"fail_rate": 1.0, "step": "notify"},
    "fail to undo": {"fail_rate": 1.0, "action": "undo"},
    "lose, repeat, delay and mix up": {
        "drop_rate": 0.1,
        "duplicate_rate": 0.2,
        "delay_rate": 0.3,
        "delay_ms": 500,
        "reorder_rate": 0.4,
    },
    "another seed": {"fail_rate": 0.5, "seed": 42},
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_rules_are_shown_for_as_long_as_they_are_on(client: Client, rules: dict[str, Any]) -> None:
    answer = change(client, "notifier", **rules)
    assert (answer.status_code, answer.json()["faults"]) == (200, rules)
    assert answer.json()["running"] is True
    change(client, "notifier")
    assert Service.objects.get(name="notifier").faults == {}


def test_new_rules_take_the_place_of_all_that_were_on(client: Client) -> None:
    change(client, "notifier", fail_rate=1.0, seed=3)
    assert change(client, "notifier", drop_rate=0.5).json()["faults"] == {"drop_rate": 0.5}


def test_messages_of_the_coordinator_can_go_astray(client: Client) -> None:
    assert change(client, "coordinator", duplicate_rate=1.0).status_code == 200


@pytest.mark.parametrize("instant", [str(instant) for instant in Instant])
@pytest.mark.parametrize("name", ["coordinator", "hotel"])
def test_any_service_can_be_made_to_crash_at_each_named_instant(client: Client, name: str, instant: str) -> None:
    be_alive(name, "i-1")
    assert change(client, name, crash_at=instant).status_code == 200
    assert {"instance": "i-1", "crash_at": instant} in Service.objects.get(name=name).orders


def test_an_order_is_given_to_every_living_instance_after_it_has_forgotten_older_ones(client: Client) -> None:
    be_alive("notifier", "n-1", "n-2")
    change(client, "notifier", fail_next=2)
    assert Service.objects.get(name="notifier").orders == [
        {"instance": "n-1", "disarm": True},
        {"instance": "n-2", "disarm": True},
        {"instance": "n-1", "fail_next": 2},
        {"instance": "n-2", "fail_next": 2},
    ]


@pytest.mark.parametrize("order", [{"fail_next": 1}, {"crash_at": "after receiving"}], ids=str)
def test_an_order_for_a_service_of_which_nothing_lives_is_refused_whole(client: Client, order: dict[str, Any]) -> None:
    change(client, "notifier", drop_rate=0.5)
    found = reason_of(change(client, "notifier", fail_rate=1.0, **order), 409)
    assert "no instance of notifier is alive" in found
    assert Service.objects.get(name="notifier").faults == {"drop_rate": 0.5}


def test_a_service_of_which_nothing_lives_cannot_be_killed(client: Client) -> None:
    answer = client.post("/api/services/notifier/kill", {}, content_type=JSON)
    assert "no instance of notifier is alive" in reason_of(answer, 409)


def test_one_request_clears_the_faults_of_all_services(client: Client) -> None:
    be_alive("hotel", "h-1")
    change(client, "notifier", fail_rate=1.0)
    change(client, "coordinator", drop_rate=0.5)
    answer = client.delete("/api/faults", {}, content_type=JSON)
    assert answer.status_code == 200
    assert {service["name"]: service["faults"] for service in answer.json()["services"]} == {
        name: {} for name in SERVICES
    }
    assert Service.objects.get(name="hotel").orders == [{"instance": "h-1", "disarm": True}]


def test_clearing_faults_leaves_what_else_was_asked(client: Client) -> None:
    services.change("notifier", running=False, lag_ms=(5, 6))
    client.delete("/api/faults", {}, content_type=JSON)
    row = Service.objects.get(name="notifier")
    assert (row.running, row.lag_low_ms, row.lag_high_ms) == (False, 5, 6)
