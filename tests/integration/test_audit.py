"""Whatever breaks, kills, mends or rescues something leaves one line: who, what, on what, and what came of it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from dashboard.readmodel import services
from dashboard.web import audit, instructor
from dashboard.web.buckets import Buckets
from tests.support.dashboard import instructor as dash_instructor
from tests.support.dashboard.factories import accept
from tests.support.dashboard.refusals import JSON, token

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    audit.log.addHandler(handler)
    yield records
    audit.log.removeHandler(handler)


@pytest.fixture(autouse=True)
def _with_instructor(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INSTRUCTOR_PASSWORD = PASSWORD
    monkeypatch.setattr(instructor, "_failures", Buckets())
    services.ensure_rows((400, 3000))


@pytest.fixture
def browser() -> Client:
    browser = Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.7")
    browser.get("/")
    return browser


def log_in(browser: Client, password: str = PASSWORD) -> None:
    browser.post("/login/", {"password": password, **token(browser)})


def told(lines: list[logging.LogRecord]) -> list[str]:
    """Return the audit lines without who it was."""
    return [one.getMessage().split("): ")[1] for one in lines]


def test_a_login_a_wrong_one_and_a_logout_are_told(browser: Client, lines: list[logging.LogRecord]) -> None:
    log_in(browser, "a guess")
    log_in(browser)
    browser.post("/logout/", token(browser))
    assert told(lines) == ["log in: 401 Unauthorized", "log in: 302 Found", "log out: 302 Found"]
    assert [(one.who, one.levelname) for one in lines] == [
        ("anybody", "WARNING"),
        ("instructor", "INFO"),
        ("instructor", "INFO"),
    ]
    assert PASSWORD not in str([vars(one) for one in lines])


def test_whoever_logs_out_without_having_logged_in_was_anybody(browser: Client, lines: list[Any]) -> None:
    browser.post("/logout/", token(browser))
    assert lines[0].who == "anybody"


def test_a_line_says_who_it_was_and_where(browser: Client, lines: list[logging.LogRecord]) -> None:
    log_in(browser)
    visitor = browser.cookies["visitor"].value[:8]
    assert lines[0].getMessage() == f"instructor (visitor {visitor} at 203.0.113.7): log in: 302 Found"


def test_behind_a_proxy_a_line_says_where_the_sender_is(browser: Client, lines: list[Any], settings: Any) -> None:
    settings.HTTPS = True
    browser.post("/logout/", token(browser), headers={"X-Forwarded-For": "198.51.100.2"})
    assert lines[0].address == "198.51.100.2"


ACTS: dict[str, tuple[str, str, Any, str]] = {
    "stop": ("patch", "/api/services/notifier", {"running": False}, 'change "notifier" {"running": false}: 200 OK'),
    "break": (
        "patch",
        "/api/services/notifier",
        {"faults": {"drop_rate": 0.5}},
        'change "notifier" {"faults": {"drop_rate": 0.5}}: 200 OK',
    ),
    "kill": ("post", "/api/services/notifier/kill", {}, 'kill "notifier": 409 Conflict'),
    "clear": ("delete", "/api/faults", {}, "clear all faults: 200 OK"),
    "replay": ("post", "/api/dead-letters/7/replay", {}, 'replay "7" {"is_corrected": false}: 404 Not Found'),
    "resolve": (
        "post",
        "/api/sagas/unknown/resolution",
        {"step": "notify"},
        'resolve "unknown" {"step": "notify"}: 404 Not Found',
    ),
    "fail": (
        "post",
        "/api/sagas",
        {"faults": {"notify": {"failures": 2}}},
        'start sagas that fail {"scenario": "onboarding", "faults": {"notify": {"failures": 2}}}: 202 Accepted',
    ),
}


@pytest.mark.parametrize("has_login", [True, False], ids=["by the instructor", "where there is none"])
@pytest.mark.parametrize(("method", "address", "body", "line"), ACTS.values(), ids=ACTS)
def test_every_act_is_told(
    browser: Client, lines: list[Any], settings: Any, has_login: bool, method: str, address: str, body: Any, line: str
) -> None:
    if has_login:
        log_in(browser)
    else:
        settings.INSTRUCTOR_PASSWORD = None
    lines.clear()
    getattr(browser, method)(address, body, content_type=JSON)
    assert told(lines) == [line]
    assert lines[0].who == ("instructor" if has_login else "anybody")


@pytest.mark.parametrize("may", [True, False], ids=["done", "refused"])
@pytest.mark.parametrize("act", dash_instructor.ACTS)
def test_whatever_only_the_instructor_may_do_is_one_line(
    browser: Client, lines: list[logging.LogRecord], act: str, may: bool
) -> None:
    if may:
        log_in(browser)
    lines.clear()
    answer = dash_instructor.do(browser, act)
    assert [line.rpartition(": ")[2] for line in told(lines)] == [f"{answer.status_code} {answer.reason_phrase}"]
    assert (answer.status_code == 401) is not may


@pytest.mark.parametrize("act", ["retry", "roll-back"])
def test_a_rescue_is_told(browser: Client, lines: list[logging.LogRecord], act: str) -> None:
    [saga_id] = accept()
    log_in(browser)
    browser.post(f"/api/sagas/{saga_id}/{act}", {}, content_type=JSON)
    assert told(lines)[1:] == [f'{act.replace("-", " ")} "{saga_id}": 202 Accepted']


def test_an_act_that_was_refused_is_told(browser: Client, lines: list[logging.LogRecord]) -> None:
    browser.post("/api/services/notifier/kill", {}, content_type=JSON)
    browser.post("/stories/", {"story": "trip-backward", **token(browser)})
    assert told(lines) == ['kill "notifier": 401 Unauthorized', "start sagas that fail: 401 Unauthorized"]


def test_what_everybody_may_is_not_told(browser: Client, lines: list[logging.LogRecord]) -> None:
    browser.post("/api/sagas", {"count": 2}, content_type=JSON)
    browser.post("/stories/", {"story": "trip-happy", **token(browser)})
    browser.get("/api/services")
    assert told(lines) == []


NAMES = ["not%0Aif%0Dier", "%E2%80%A8", "%1B[2J", "a" * 5000]


@pytest.mark.parametrize("name", NAMES, ids=["line ends", "a Unicode line end", "an escape sequence", "no end"])
def test_a_line_stays_one_line_whatever_is_asked_for(browser: Client, lines: list[Any], name: str) -> None:
    browser.post(f"/api/services/{name}/kill", {}, content_type=JSON)
    [line] = told(lines)
    assert line.isprintable()
    assert line.isascii()
    assert len(line) < 300
    assert len(lines[0].on) <= audit.LONGEST


def test_a_line_has_an_end_whatever_is_to_fail(browser: Client, lines: list[logging.LogRecord]) -> None:
    faults = {step: {"error": "x" * 200} for step in ("provision", "authorize", "notify")}
    log_in(browser)
    browser.post("/api/sagas", {"faults": faults}, content_type=JSON)
    assert len(told(lines)[-1]) < 300


def test_a_line_has_its_parts_as_fields(browser: Client, lines: list[Any]) -> None:
    log_in(browser)
    browser.patch("/api/services/notifier", {"running": False}, content_type=JSON)
    fields = {name: getattr(lines[1], name) for name in ("who", "address", "act", "on", "asked", "outcome")}
    assert fields == {
        "who": "instructor",
        "address": "203.0.113.7",
        "act": "change",
        "on": "notifier",
        "asked": {"running": False},
        "outcome": "200 OK",
    }
