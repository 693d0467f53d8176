"""What each participant does for a user."""

from dataclasses import replace
from typing import Any

import pytest
from django.core import mail

from consumers.participants import PARTICIPANTS
from saga.definitions import DEFINITIONS, ONBOARDING
from saga.errors import MessageRejected
from saga.messages import SagaMessage, User
from saga.topics import PARTICIPANTS as NAMES
from tests.support.sagas.factories import request, undo

STEPS = {step.service: step.name for step in ONBOARDING.steps}
# Every step of every scenario, with its service.
ALL_STEPS = [(definition.scenario, step.name) for definition in DEFINITIONS.values() for step in definition.steps]


def perform(service: str, **user: str) -> dict[str, Any]:
    message = request(STEPS[service])
    return PARTICIPANTS[service].perform(replace(message, user=replace(message.user, **user)))


def test_each_service_of_the_definitions_has_a_participant() -> None:
    assert set(PARTICIPANTS) == set(NAMES)


@pytest.mark.parametrize(("scenario", "step"), ALL_STEPS, ids=str)
def test_doing_it_twice_gives_the_same_result(scenario: str, step: str) -> None:
    participant = PARTICIPANTS[DEFINITIONS[scenario].step(step).service]
    message = request(step, scenario=scenario)
    assert participant.perform(message) == participant.perform(message)


@pytest.mark.parametrize(("scenario", "step"), ALL_STEPS, ids=str)
def test_undoing_it_twice_equals_undoing_it_once(scenario: str, step: str) -> None:
    participant = PARTICIPANTS[DEFINITIONS[scenario].step(step).service]
    result = participant.perform(request(step, scenario=scenario))
    for _ in range(2):
        participant.undo(undo(step, scenario=scenario), result)
    assert len({email.extra_headers["Message-ID"] for email in mail.outbox}) == (2 if step == "notify" else 0)


@pytest.mark.parametrize(("scenario", "step"), ALL_STEPS, ids=str)
def test_a_step_that_failed_and_left_no_result_can_be_undone(scenario: str, step: str) -> None:
    PARTICIPANTS[DEFINITIONS[scenario].step(step).service].undo(undo(step, scenario=scenario), {})
    assert mail.outbox == []


@pytest.mark.parametrize(("scenario", "step"), [each for each in ALL_STEPS if each[0] != "onboarding"], ids=str)
def test_a_booking_says_what_is_booked_under_a_number_of_its_own(scenario: str, step: str) -> None:
    perform = PARTICIPANTS[DEFINITIONS[scenario].step(step).service].perform
    bookings = [perform(request(step, f"saga-{number}", scenario=scenario)) for number in range(50)]
    assert all(booking["item"] for booking in bookings)
    assert len({booking["booking"] for booking in bookings}) == 50


def test_an_email_is_corrected_by_an_answer_to_it_that_says_why() -> None:
    result = perform("notifier")
    PARTICIPANTS["notifier"].undo(undo("notify", reason="the badge office is closed"), result)
    first, correction = mail.outbox
    assert (correction.to, correction.extra_headers["In-Reply-To"]) == (first.to, first.extra_headers["Message-ID"])
    assert correction.extra_headers["Message-ID"] != first.extra_headers["Message-ID"]
    assert "the badge office is closed" in correction.body


@pytest.mark.parametrize(
    ("department", "prefix"),
    [("Engineering", "WS-"), ("Design", "ST-"), ("Sales", "UL-"), ("Support", "DK-"), ("Astrology", "LT-")],
)
def test_the_device_fits_the_department(department: str, prefix: str) -> None:
    device = perform("provisioner", department=department)
    assert device["device_id"].startswith(prefix)
    assert device["model"]


def test_each_saga_gets_a_device_of_its_own() -> None:
    devices = {PARTICIPANTS["provisioner"].perform(request(saga_id=f"saga-{n}"))["device_id"] for n in range(100)}
    assert len(devices) == 100


@pytest.mark.parametrize(
    ("department", "granted"),
    [
        ("Engineering", ["mail", "calendar", "source-code", "build-farm"]),
        ("Finance", ["mail", "calendar", "ledger", "payroll"]),
        ("Astrology", ["mail", "calendar"]),
    ],
)
def test_the_authorizations_fit_the_department(department: str, granted: list[str]) -> None:
    assert perform("authorizer", department=department) == {"authorizations": granted}


def test_the_email_says_what_is_ready_and_for_whom() -> None:
    result = perform("notifier")
    [email] = mail.outbox
    assert email.to == ["ada.lovelace@example.com"]
    assert email.extra_headers["Message-ID"] == result["message_id"] == "<saga-1@saga-workshop.example.com>"
    assert all(said in email.body for said in ("Ada Lovelace", "Engineering", "WS-1", "Workstation", "mail, calendar"))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Zoë Yılmaz", "zoe.ylmaz@example.com"),
        ("O'Brien, Tim", "o.brien.tim@example.com"),
        ("王伟", "user@example.com"),
        ("a\r\nBcc: b@example.org", "a.bcc.b.example.org@example.com"),
        ("=cmd|' /C calc'!A0", "cmd.c.calc.a0@example.com"),
        ("x" * 100, f"{'x' * 64}@example.com"),
        ("x" * 63 + " y", f"{'x' * 63}@example.com"),
    ],
    ids=ascii,
)
def test_any_name_makes_one_address(name: str, address: str) -> None:
    assert perform("notifier", name=name)["email"] == address
    [email] = mail.outbox
    assert email.recipients() == [address]
    assert email.message()["To"] == address


@pytest.mark.parametrize(
    "results",
    [
        {"provision": {}, "authorize": {"authorizations": []}},
        {"provision": {"device_id": "WS-1", "model": "W"}, "authorize": {}},
        {"provision": {"device_id": "WS-1", "model": "W"}, "authorize": {"authorizations": [1]}},
        {"provision": {"device_id": "WS-1", "model": "W"}, "authorize": {"authorizations": None}},
        {},
    ],
    ids=["no device", "no authorizations", "a number granted", "nothing granted", "nothing"],
)
def test_results_that_do_not_fit_can_never_succeed(results: dict[str, Any]) -> None:
    message: SagaMessage = request("notify", results=results)
    with pytest.raises(MessageRejected, match="lacks the device or the authorizations"):
        PARTICIPANTS["notifier"].perform(message)
    assert mail.outbox == []


def test_braces_in_a_name_are_just_braces() -> None:
    message = request("notify", user=User(name="{device_id.__class__}", department="{0}"))
    PARTICIPANTS["notifier"].perform(message)
    assert "Dear {device_id.__class__}," in mail.outbox[0].body
