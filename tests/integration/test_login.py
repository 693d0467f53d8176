"""Whoever knows the password is the instructor, in this browser and for this day; and guessing leads nowhere."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from dashboard.web import instructor
from tests.support.dashboard.instructor import PASSWORD, basic, do, log_in
from tests.support.dashboard.refusals import reason_of, token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("guarded")]


def stop_notifier(client: Client, **headers: str) -> int:
    return do(client, "stop a service", **headers).status_code


# The cookie.


@pytest.fixture
def held(guarded: None, browser: Client) -> str:
    log_in(browser)
    return browser.cookies["sessionid"].value


def with_session(value: str) -> Client:
    client = Client()
    client.cookies["sessionid"] = value
    return client


@pytest.mark.usefixtures("held")
def test_the_cookie_is_kept_from_scripts_and_forms_of_other_sites_and_ends_with_the_day(browser: Client) -> None:
    cookie = browser.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 8 * 3600)


@pytest.mark.usefixtures("service")
def test_the_cookie_counts_as_long_as_the_password(held: str, settings: Any) -> None:
    assert stop_notifier(with_session(held)) == 200
    settings.INSTRUCTOR_PASSWORD = "open barley"
    assert stop_notifier(with_session(held)) == 401


def test_the_cookie_counts_for_eight_hours(held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 8 * 3600 + 1)
    assert stop_notifier(with_session(held)) == 401


def test_a_cookie_that_is_not_ours_counts_for_nothing(held: str) -> None:
    body, stamp, signature = held.split(":")
    forged = signing.dumps({"instructor": "guess"}, key="another key", salt=instructor.__name__)
    for value in (forged, f"{body}:{stamp}:{signature[:-1]}", f"{body}:{stamp[:-1]}:{signature}", "", "::", "\\"):
        assert stop_notifier(with_session(value)) == 401, value


@pytest.mark.usefixtures("service")
def test_the_cookie_of_a_visitor_is_not_one_of_an_instructor(browser: Client) -> None:
    assert stop_notifier(with_session(browser.cookies["visitor"].value)) == 401


@pytest.mark.usefixtures("held", "service")
def test_whoever_logs_out_is_a_guest_again(browser: Client) -> None:
    assert stop_notifier(browser) == 200
    assert browser.post("/logout/", token(browser))["Location"] == "/"
    assert stop_notifier(browser) == 401


# The form.


@pytest.mark.parametrize("address", ["/login/", "/logout/"])
def test_other_sites_cannot_send_the_form(browser: Client, address: str) -> None:
    reason_of(browser.post(address, {"password": PASSWORD}), 403)
    answer = browser.post(address, {"password": PASSWORD, **token(browser)}, headers={"Origin": "http://evil.example"})
    reason_of(answer, 403)
    assert "sessionid" not in browser.cookies


@pytest.mark.parametrize("address", ["/login/", "/logout/"])
def test_nobody_logs_in_or_out_by_a_link(browser: Client, address: str) -> None:
    assert browser.get(address, {"password": PASSWORD}).status_code == 405


@pytest.mark.parametrize("name", ["next", "return_to", "url"])
def test_the_way_back_cannot_be_chosen(browser: Client, name: str) -> None:
    assert log_in(browser, **{name: "http://evil.example/"})["Location"] == "/"


def test_a_token_that_was_known_before_the_login_is_void(browser: Client) -> None:
    before = token(browser)
    log_in(browser)
    assert browser.post("/logout/", before).status_code == 403


# Guessing.


@pytest.fixture
def guess(client: Client) -> Callable[..., int]:
    def guess(password: str = "a guess", address: str = "203.0.113.7") -> int:
        client.defaults["REMOTE_ADDR"] = address
        status: int = do(client, "clear all faults", Authorization=basic(password)).status_code
        return status

    return guess


def test_a_browser_that_guesses_has_to_wait_and_others_do_not(browser: Client) -> None:
    statuses = [log_in(browser, f"guess {number}").status_code for number in range(instructor.FAILURES_PER_MINUTE + 1)]
    assert statuses == [401] * instructor.FAILURES_PER_MINUTE + [429]
    answer = log_in(browser)
    assert (answer.status_code, answer["Retry-After"]) == (429, "6")
    other = Client(enforce_csrf_checks=True)
    other.get("/")
    assert log_in(other).status_code == 302


def test_an_address_that_guesses_has_to_wait_and_others_do_not(guess: Callable[..., int]) -> None:
    most = instructor.FAILURES_PER_MINUTE_AND_ADDRESS
    assert [guess() for _ in range(most)] == [401] * most
    assert (guess(), guess(PASSWORD), guess(PASSWORD, "203.0.113.8")) == (429, 429, 200)


def test_right_passwords_do_not_count(guess: Callable[..., int]) -> None:
    assert {guess(PASSWORD) for _ in range(instructor.FAILURES_PER_MINUTE_AND_ADDRESS + 10)} == {200}
