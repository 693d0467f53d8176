"""Where there is an instructor, nobody else breaks, kills, mends or rescues anything; and guessing leads nowhere."""

import base64
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from dashboard.models import Saga
from dashboard.readmodel import services
from dashboard.web import instructor
from dashboard.web.buckets import Buckets
from tests.dash_factories import accept
from tests.dash_refusals import JSON, nothing_begun, reason_of, token

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"
ACTS: dict[str, tuple[str, str, Any]] = {
    "stop a service": ("patch", "/api/services/notifier", {"running": False}),
    "slow it down": ("patch", "/api/services/notifier", {"lag_ms": [5, 6]}),
    "break it": ("patch", "/api/services/notifier", {"faults": {"drop_rate": 1}}),
    "kill it": ("post", "/api/services/notifier/kill", {}),
    "clear all faults": ("delete", "/api/faults", {}),
    "replay a dead letter": ("post", "/api/dead-letters/1/replay", {}),
    "retry": ("post", "/api/sagas/known/retry", {}),
    "retry all that is stuck": ("post", "/api/sagas/retry", {}),
    "roll back": ("post", "/api/sagas/known/roll-back", {}),
    "resolve": ("post", "/api/sagas/known/resolution", {"step": "notify"}),
    "start sagas that fail": ("post", "/api/sagas", {"faults": {"notify": {}}}),
}


@pytest.fixture(autouse=True)
def _with_instructor(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INSTRUCTOR_PASSWORD = PASSWORD
    monkeypatch.setattr(instructor, "_failures", Buckets())
    monkeypatch.setattr(instructor, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def browser() -> Client:
    """A browser that has the page open, and is held to its token."""
    browser = Client(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")
    browser.get("/")
    return browser


@pytest.fixture
def service() -> None:
    services.ensure_rows((400, 3000))


def basic(password: str = PASSWORD, user: str = "instructor") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def do(client: Client, act: str, **headers: str) -> Any:
    method, address, body = ACTS[act]
    return getattr(client, method)(address, json.dumps(body), content_type=JSON, headers=headers)


def stop_notifier(client: Client, **headers: str) -> int:
    return do(client, "stop a service", **headers).status_code


def log_in(browser: Client, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/login/", {"password": password, **token(browser), **more})


# What is the instructor's.


@pytest.mark.parametrize("act", ACTS)
def test_nobody_else_may(client: Client, act: str) -> None:
    with nothing_begun(client):
        assert "log in first" in reason_of(do(client, act), 401)


# Whether sagas are to fail, only the body says.
@pytest.mark.parametrize("act", [act for act in ACTS if act != "start sagas that fail"])
def test_a_body_is_not_even_looked_at(client: Client, act: str) -> None:
    method, address, _ = ACTS[act]
    reason_of(getattr(client, method)(address, "garbage", content_type=JSON), 401)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("act", ACTS)
def test_the_instructor_may(browser: Client, act: str) -> None:
    log_in(browser)
    assert do(browser, act).status_code not in {401, 403, 429}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("act", ACTS)
def test_the_instructors_program_may(client: Client, act: str) -> None:
    assert do(client, act, Authorization=basic()).status_code not in {401, 403, 429}


WRONG = {
    "a wrong password": basic("open  sesame"),
    "no password": basic(""),
    "another user": basic(user="teacher"),
    "no user": basic(user=""),
    "what is no base64": "Basic open sesame",
    "what is no text": "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    "no colon": "Basic " + base64.b64encode(b"open sesame").decode(),
    "nothing": "Basic",
    "another scheme": "Bearer open sesame",
}


@pytest.mark.parametrize("authorization", WRONG.values(), ids=WRONG)
def test_a_program_with_something_else_may_not(client: Client, authorization: str) -> None:
    reason_of(do(client, "clear all faults", Authorization=authorization), 401)


def test_everybody_may_start_sagas_and_watch(client: Client) -> None:
    assert client.post("/api/sagas", {"count": 3, "faults": {}}, content_type=JSON).status_code == 202
    for address in ("/", "/api/sagas", "/api/services", "/api/dead-letters", "/readyz", "/metrics"):
        assert client.get(address).status_code in {200, 503}, address


@pytest.mark.parametrize(("story", "status"), [("trip-happy", 302), ("package-works", 302), ("trip-backward", 401)])
def test_a_story_is_the_instructors_if_something_fails_in_it(browser: Client, story: str, status: int) -> None:
    assert browser.post("/stories/", {"story": story, **token(browser)}).status_code == status
    assert Saga.objects.count() == (status == 302)


def test_the_instructor_may_tell_any_story(browser: Client) -> None:
    log_in(browser)
    assert browser.post("/stories/", {"story": "trip-backward", **token(browser)}).status_code == 302


def test_without_a_password_there_is_nothing_to_log_in_to(browser: Client, settings: Any) -> None:
    settings.INSTRUCTOR_PASSWORD = None
    browser.defaults["HTTP_ACCEPT"] = JSON
    assert "no login here" in reason_of(log_in(browser), 404)


# What the page shows.


def standing(browser: Client, address: str = "/") -> str:
    html = browser.get(address).content.decode()
    return html.split('data-standing="')[1].split('"')[0]


def test_the_page_knows_who_you_are(browser: Client) -> None:
    [saga_id] = accept()
    before = standing(browser), standing(browser, f"/sagas/{saga_id}")
    log_in(browser)
    assert (before, standing(browser), standing(browser, f"/sagas/{saga_id}")) == (
        ("locked", "locked"),
        "instructor",
        "instructor",
    )


def test_without_a_password_the_page_has_no_login(browser: Client, settings: Any) -> None:
    settings.INSTRUCTOR_PASSWORD = None
    assert standing(browser) == "open"
    assert "/login/" not in browser.get("/").content.decode()


def test_a_wrong_password_is_told_on_the_page(browser: Client) -> None:
    answer = log_in(browser, "open  sesame")
    assert answer.status_code == 401
    assert "not the instructor&#x27;s password" in answer.content.decode()
    assert "sessionid" not in browser.cookies


def test_nothing_in_between_shows_one_persons_page_to_another(browser: Client) -> None:
    assert "Cookie" in browser.get("/")["Vary"]


# The cookie.


@pytest.fixture
def held(browser: Client) -> str:
    log_in(browser)
    return browser.cookies["sessionid"].value


def with_session(value: str) -> Client:
    client = Client()
    client.cookies["sessionid"] = value
    return client


@pytest.mark.usefixtures("held")
def test_the_cookie_is_kept_from_scripts_and_other_sites_and_ends_with_the_day(browser: Client) -> None:
    cookie = browser.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", 8 * 3600)


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


# What a browser is told, and a program.

PAGES: dict[str, dict[str, str]] = {
    "a fetch": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"},
    "a request from a page": {"Origin": "http://testserver"},
    "a browser with our cookie": {"Cookie": "visitor=x"},
}


def test_a_program_is_told_how_to_log_in(client: Client) -> None:
    assert do(client, "clear all faults")["WWW-Authenticate"].startswith("Basic ")
    assert do(client, "clear all faults", Authorization=basic("wrong"))["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("headers", PAGES.values(), ids=PAGES)
def test_no_browser_opens_a_dialog_of_its_own(client: Client, headers: dict[str, str]) -> None:
    answer = do(client, "clear all faults", **headers)
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer
