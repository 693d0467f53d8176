"""Where there is an instructor, nobody else breaks, kills, mends or rescues anything."""

import base64
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Saga
from tests.support.dashboard.factories import accept
from tests.support.dashboard.instructor import ACTS, basic, do, log_in
from tests.support.dashboard.refusals import JSON, nothing_begun, reason_of, token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("guarded")]


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


def test_how_a_program_writes_the_scheme_is_all_the_same(client: Client) -> None:
    authorization = basic().replace("Basic", "BASIC")
    assert do(client, "clear all faults", Authorization=authorization).status_code == 200


WRONG = {
    "a wrong password": basic("open  sesame"),
    "no password": basic(""),
    "another user": basic(user="teacher"),
    "no user": basic(user=""),
    "what is no base64": "Basic open sesame",
    "base64 and more": basic() + "~",
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
