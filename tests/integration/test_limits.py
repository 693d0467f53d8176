"""Each browser has limits of its own, wide enough for a person; a flood finds its end, with cookies or without."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from dashboard.models import Saga
from dashboard.web import limits
from dashboard.web.buckets import Buckets
from dashboard.web.roster import MAX_USERS
from tests.support.dashboard.refusals import JSON, reason_of, token
from workshop.config import Config

pytestmark = pytest.mark.django_db

ELSEWHERE = "203.0.113.7"


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def _narrow(settings: Any, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    settings.COMMANDS_PER_MINUTE, settings.SAGAS_PER_MINUTE = 3, 100
    monkeypatch.setattr(limits, "ADDRESS_FACTOR", 2)
    monkeypatch.setattr(limits, "GREETINGS_PER_MINUTE", 4)
    for name in ("_commands", "_sagas", "_greetings"):
        monkeypatch.setattr(limits, name, Buckets())


def browser(address: str = ELSEWHERE) -> Client:
    """Return a browser that has the page open."""
    browser = Client(REMOTE_ADDR=address)
    browser.get("/")
    return browser


def program(address: str = ELSEWHERE) -> Client:
    return Client(REMOTE_ADDR=address)


def start(client: Client, count: int = 1) -> Any:
    return client.post("/api/sagas", {"count": count}, content_type=JSON)


def statuses(client: Client, times: int, *, count: int = 1) -> list[int]:
    return [start(client, count).status_code for _ in range(times)]


def test_the_limits_as_they_are_set_are_for_floods_only() -> None:
    config = Config()
    assert config.commands_per_minute >= 15 * 60, "so fast nobody clicks"
    assert config.sagas_per_minute >= 5 * MAX_USERS


def test_who_clicks_too_often_is_told_when_to_go_on(clock: Clock) -> None:
    one = browser()
    assert statuses(one, 3) == [202] * 3
    answer = start(one)
    assert "3 requests that change something a minute are the most; try again in 20 s" in reason_of(answer, 429)
    assert answer["Retry-After"] == "20"
    clock.now += 20
    assert statuses(one, 2) == [202, 429]


def test_a_class_shares_one_address_and_no_limit() -> None:
    one, other = browser(), browser()
    assert statuses(one, 4) == [202, 202, 202, 429]
    assert statuses(other, 4) == [202, 202, 202, 429]


def test_whatever_changes_something_counts_together() -> None:
    one = browser()
    one.post("/onboard/", {"count": "1", **token(one)})
    one.patch("/api/services/notifier", {"running": True}, content_type=JSON)
    one.post("/api/sagas", "garbage", content_type=JSON)
    assert reason_of(one.delete("/api/faults", {}, content_type=JSON), 429)
    assert one.post("/onboard/", {"count": "1", **token(one)}).status_code == 429


def test_looking_is_free() -> None:
    one = browser()
    statuses(one, 4)
    assert {one.get(address).status_code for address in ("/", "/api/sagas", "/healthz") * 5} == {200}


def test_sagas_are_counted_however_they_are_asked_for() -> None:
    one = browser()
    assert start(one, 90).status_code == 202
    assert one.post("/onboard/", {"count": "10", **token(one)}).status_code == 302
    answer = one.post("/stories/", {"story": "trip-happy", **token(one)})
    assert "100 sagas a minute are the most" in reason_of(answer, 429)
    assert Saga.objects.count() == 100


def test_one_large_request_is_taken_and_then_there_is_a_pause(clock: Clock) -> None:
    one = browser()
    assert start(one, 300).status_code == 202
    assert (start(one).status_code, start(one)["Retry-After"]) == (429, "121")
    clock.now += 121
    assert start(one).status_code == 202


def test_a_list_counts_by_its_lines() -> None:
    one = browser()
    assert one.post("/roster/", {"text": "Ada,Data\n" * 100, **token(one)}).status_code == 302
    assert one.post("/roster/", {"text": "Ada,Data\n", **token(one)}).status_code == 429


def test_nothing_is_begun_by_what_is_refused() -> None:
    one = browser()
    statuses(one, 6)
    assert Saga.objects.count() == 3


def test_programs_of_one_address_share_a_wider_limit() -> None:
    together = [start(program()).status_code for _ in range(7)]
    assert together == [202] * 6 + [429]
    assert statuses(program("203.0.113.8"), 1) == [202]
    assert statuses(browser(), 1) == [202]


@pytest.mark.parametrize("cookie", ["", "visitor", "a:b:c", "0123456789abcdef:1abcde:signature"])
def test_a_cookie_that_is_not_ours_is_none(cookie: str) -> None:
    for number in range(7):
        flood = program()
        flood.cookies["visitor"] = f"{cookie}{number}"
        last = start(flood)
    assert last.status_code == 429


def test_a_flood_cannot_fetch_itself_cookies_without_end() -> None:
    assert ["visitor" in browser().cookies for _ in range(6)] == [True] * 4 + [False] * 2
    assert "visitor" in browser("203.0.113.8").cookies


def test_a_program_on_this_machine_has_no_limit() -> None:
    assert set(statuses(program("127.0.0.1"), 8, count=100)) == {202}


def test_what_a_proxy_on_this_machine_passes_on_has_one() -> None:
    passed_on = Client(REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": ELSEWHERE})
    assert statuses(passed_on, 7)[-1] == 429


def test_a_browser_on_this_machine_has_its_own() -> None:
    assert statuses(browser("127.0.0.1"), 4) == [202, 202, 202, 429]


def test_0_switches_a_limit_off(settings: Any) -> None:
    settings.COMMANDS_PER_MINUTE = settings.SAGAS_PER_MINUTE = 0
    assert set(statuses(browser(), 5, count=100)) == {202}


def test_a_browser_keeps_its_cookie_and_no_script_sees_it() -> None:
    one = browser()
    cookie = one.cookies["visitor"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "visitor" not in one.get("/").cookies


def test_a_cookie_counts_for_a_week_and_then_there_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    one = browser()
    old = one.cookies["visitor"]
    assert old["max-age"] == 7 * 24 * 3600
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + old["max-age"] + 1)
    one.get("/")
    assert one.cookies["visitor"].value != old.value


def test_where_there_is_tls_cookies_travel_with_it_only(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    assert browser().cookies["visitor"]["secure"]
