"""Whatever is sent, the answer is a clear refusal, nothing is begun, and the server goes on."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from channels.routing import URLRouter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from django.urls import path

from dashboard import services
from dashboard.guards import SameOriginSocket
from dashboard.health import Health
from dashboard.hub import Hub
from dashboard.models import Board, Saga, Service
from dashboard.roster import MAX_BYTES
from dashboard.sockets import MAX_REQUEST_CHARS, SagaSocket
from tests.dash_factories import accept, counters
from tests.dash_socket import open_page

JSON = "application/json"
USER = {"name": "Ada", "department": "Data"}
MEGABYTE = 1024 * 1024


def everything() -> Any:
    return counters(), Board.objects.get().seq, Saga.objects.count(), list(Service.objects.order_by("name").values())


@pytest.fixture
def untouched(client: Client) -> Iterator[None]:
    """Afterwards nothing has been begun, and a good request is taken as ever."""
    services.ensure_rows((400, 3000))
    before = everything()
    yield
    assert everything() == before
    assert client.post("/api/sagas", {"count": 1}, content_type=JSON).status_code == 202


rules = pytest.mark.usefixtures("untouched")
in_database = pytest.mark.django_db


def detail(answer: Any, status: int) -> str:
    """Return the reason, which a person can read: one short line of text."""
    assert answer.status_code == status, answer.content[:500]
    assert set(answer.json()) == {"detail"}
    reason: str = answer.json()["detail"]
    assert reason.isprintable()
    assert 10 < len(reason) < 300
    assert "Traceback" not in reason
    return reason


def users(name: str = "Ada", department: str = "Data") -> dict[str, Any]:
    return {"users": [USER, {"name": name, "department": department}]}


BODIES: dict[str, tuple[Any, str]] = {
    "an unknown scenario": ({"scenario": "moon-landing"}, "scenario.*onboarding"),
    "a scenario that is a list": ({"scenario": ["onboarding"]}, "scenario"),
    "an unknown style": ({"style": "interpretive dance"}, "style.*choreography"),
    "count 0": ({"count": 0}, "count.*greater than or equal to 1"),
    "count -1": ({"count": -1}, "count.*greater than or equal to 1"),
    "count 10,001": ({"count": 10_001}, "count.*less than or equal to 10000"),
    "count beyond counting": ({"count": 10**30}, "count"),
    "count many": ({"count": "many"}, "count.*integer"),
    "count in quotes": ({"count": "5"}, "count.*integer"),
    "count 1.5": ({"count": 1.5}, "count.*integer"),
    "count true": ({"count": True}, "count.*integer"),
    "count of objects": ({"count": {}}, "count.*integer"),
    "no users": ({"users": []}, "users.*at least 1 item"),
    "users that are null": ({"users": [None]}, "users"),
    "users that are names": ({"users": ["Ada"]}, "users"),
    "users that are no list": ({"users": USER}, "users.*list"),
    "too many users": ({"users": [USER] * 10_001}, "users.*10000 items"),
    "another count than users": ({"count": 2, "users": [USER]}, "count is 2, but 1 users are given"),
    "an unknown field": ({"count": 1, "colour": "red"}, "colour"),
    "an unknown field of a user": ({"users": [{**USER, "admin": True}]}, "admin"),
    "no department": ({"users": [{"name": "Ada"}]}, "department.*required"),
    "a name that is a number": ({"users": [{**USER, "name": 7}]}, "name.*string"),
    "a name of 1,000 characters": (users(name="x" * 1000), "the name has 1000 characters"),
    "a department of 1,000 characters": (users(department="x" * 1000), "the department has 1000 characters"),
    "an empty name": (users(name=" "), "the name is empty"),
    "markup": (users(name="<script>alert(1)</script>"), "the name must not contain '<'"),
    "a formula": (users(name='=HYPERLINK("http://evil.example")'), "the name must not begin with '='"),
    "a formula as department": (users(department="@SUM(A1:A9)"), "the department must not begin with '@'"),
    "a control character": (users(name="Ada\x07"), "the name must not contain"),
    "a null character": (users(name="Ada\x00"), "the name must not contain"),
    "a right-to-left override": (users(name="Ada\u202e"), "the name must not contain"),
    "a lone surrogate": (users(name="Ada\ud800"), "the name must not contain|JSON"),
    "an array": ([1, 2], "dict|object"),
    "a number": (7, "dict|object"),
    "null": (None, "dict|object|required"),
    "a word": ("onboarding", "dict|object"),
}
RAW: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "JSON|body|required"),
    "no JSON": (b"{count: 1}", "JSON|body"),
    "cut off": (b'{"count": 1', "JSON|body"),
    "not a number": (b'{"count": NaN}', "count"),
    "deep nesting": (b"[" * 100_000, "JSON|body"),
    "a deep user": (b'{"users": ' + b"[" * 100_000, "JSON|body"),
    "not text": (b"\xff\xfe\x00", "JSON|body"),
    "Latin-1": ('{"users": [{"name": "Zoë", "department": "Data"}]}'.encode("latin-1"), "JSON|body"),
}


@in_database
@rules
@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=BODIES)
def test_a_request_that_makes_no_sense_is_refused_by_name(client: Client, body: Any, reason: str) -> None:
    found = detail(client.post("/api/sagas", json.dumps(body), content_type=JSON), 422)
    assert re.search(reason, found), found


@in_database
@rules
@pytest.mark.parametrize(("body", "reason"), RAW.values(), ids=RAW)
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes, reason: str) -> None:
    # The test client leaves out the type of an empty body; others do not.
    found = detail(client.generic("POST", "/api/sagas", body, CONTENT_TYPE=JSON, content_type=JSON), 422)
    assert re.search(reason, found), found


CHANGES: dict[str, tuple[str, Any, int, str]] = {
    "nothing to change": ("notifier", {}, 422, "running"),
    "an unknown service": ("barista", {"running": False}, 404, "barista"),
    "a word for running": ("notifier", {"running": "no"}, 422, "running"),
    "a number for running": ("notifier", {"running": 0}, 422, "running"),
    "the longest first": ("notifier", {"lag_ms": [5, 1]}, 422, "lag_ms"),
    "less than no lag": ("notifier", {"lag_ms": [-1, 5]}, 422, "lag_ms"),
    "lag without end": ("notifier", {"lag_ms": [0, 10**30]}, 422, "lag_ms"),
    "one number": ("notifier", {"lag_ms": [5]}, 422, "lag_ms"),
    "three numbers": ("notifier", {"lag_ms": [1, 2, 3]}, 422, "lag_ms"),
    "words for numbers": ("notifier", {"lag_ms": ["1", "2"]}, 422, "lag_ms"),
    "half a millisecond": ("notifier", {"lag_ms": [0.5, 1]}, 422, "lag_ms"),
    "an unknown field": ("notifier", {"running": True, "colour": "red"}, 422, "colour"),
}


@in_database
@rules
@pytest.mark.parametrize(("name", "change", "status", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_service_that_makes_no_sense_is_refused(
    client: Client, name: str, change: Any, status: int, reason: str
) -> None:
    assert reason in detail(client.patch(f"/api/services/{name}", change, content_type=JSON), status)


@in_database
@rules
def test_a_service_that_does_not_exist_cannot_be_killed(client: Client) -> None:
    assert "barista" in detail(client.post("/api/services/barista/kill", {}, content_type=JSON), 404)


QUERIES = ["limit=0", "limit=-1", "limit=1001", "limit=many", "limit=1.5", "after=-1", "after=x", "after="]


@in_database
@rules
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_makes_no_sense_is_refused_by_name(client: Client, query: str) -> None:
    assert query.partition("=")[0] in detail(client.get(f"/api/sagas?{query}"), 422)


@in_database
def test_a_cursor_beyond_counting_is_beyond_everything(client: Client) -> None:
    ids = accept(2)
    found = client.get(f"/api/sagas?after={10**30}").json()["sagas"]
    assert [saga["saga_id"] for saga in found] == ids[::-1]


# Who sends it

FOREIGN = {
    "another site": {"HTTP_ORIGIN": "http://evil.example"},
    "another port": {"HTTP_ORIGIN": "http://testserver:9999"},
    "a name that only begins like ours": {"HTTP_ORIGIN": "http://testserver.evil.example"},
    "a hidden origin": {"HTTP_ORIGIN": "null"},
    "an origin that is none": {"HTTP_ORIGIN": "http://["},
    "an empty origin": {"HTTP_ORIGIN": ""},
    "a cross-site fetch": {"HTTP_SEC_FETCH_SITE": "cross-site"},
    "a same-site fetch": {"HTTP_SEC_FETCH_SITE": "same-site"},
    "a cross-site fetch with our origin": {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://testserver"},
}
OURS = {
    "a program": {},
    "our page": {"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"},
    "the address bar": {"HTTP_SEC_FETCH_SITE": "none"},
}
WAYS = [("post", "/api/sagas"), ("patch", "/api/services/notifier"), ("post", "/api/services/notifier/kill")]


@in_database
@rules
@pytest.mark.parametrize(("method", "address"), WAYS, ids=[address for _, address in WAYS])
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_other_sites_change_nothing(client: Client, headers: dict[str, str], method: str, address: str) -> None:
    answer = getattr(client, method)(address, {"running": False}, content_type=JSON, **headers)
    assert "another site" in detail(answer, 403)


@in_database
@pytest.mark.parametrize("headers", OURS.values(), ids=OURS)
def test_programs_and_our_own_page_may(client: Client, headers: dict[str, str]) -> None:
    assert client.post("/api/sagas", {}, content_type=JSON, **headers).status_code == 202


TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "", "json"]


@in_database
@rules
@pytest.mark.parametrize("content_type", TYPES)
def test_only_json_changes_something_through_the_api(client: Client, content_type: str) -> None:
    assert "application/json" in detail(client.generic("POST", "/api/sagas", b"{}", content_type=content_type), 415)


@in_database
@rules
@pytest.mark.parametrize("address", ["/", "/api/sagas", "/healthz", "/readyz"])
def test_a_name_that_is_not_ours_is_refused(client: Client, address: str) -> None:
    assert client.get(address, HTTP_HOST="evil.example").status_code == 400
    assert client.post(address, {}, content_type=JSON, HTTP_HOST="evil.example").status_code == 400


WRONG_WAYS = [
    ("GET", "/onboard/"),
    ("GET", "/roster/"),
    ("GET", "/api/services/notifier/kill"),
    ("GET", "/api/services/notifier"),
    ("DELETE", "/api/sagas"),
    ("PUT", "/api/sagas"),
    ("POST", "/api/invariants"),
    ("POST", "/healthz"),
]


@in_database
@rules
@pytest.mark.parametrize(("method", "address"), WRONG_WAYS, ids=[" ".join(way) for way in WRONG_WAYS])
def test_what_an_address_does_not_do_is_refused(client: Client, method: str, address: str) -> None:
    assert client.generic(method, address, b"{}", content_type=JSON).status_code == 405


# The forms


@pytest.fixture
def browser() -> Client:
    """A browser that has the page open, and is held to its token."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT=JSON)
    client.get("/")
    return client


def token(browser: Client) -> dict[str, str]:
    return {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}


@in_database
@rules
@pytest.mark.parametrize("address", ["/onboard/", "/roster/"])
def test_a_form_without_its_token_is_refused(browser: Client, address: str) -> None:
    assert "token" in detail(browser.post(address, {"count": "1", "text": "Ada,Data"}), 403)


@in_database
@rules
def test_a_form_with_a_token_that_was_guessed_is_refused(browser: Client) -> None:
    assert "token" in detail(browser.post("/onboard/", {"count": "1", "csrfmiddlewaretoken": "x" * 64}), 403)


@in_database
@rules
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://["])
def test_a_form_from_another_site_is_refused_even_with_a_token(browser: Client, origin: str) -> None:
    answer = browser.post("/onboard/", {"count": "1", **token(browser)}, HTTP_ORIGIN=origin)
    assert "Origin" in detail(answer, 403)


@in_database
def test_a_form_with_its_token_is_taken(browser: Client) -> None:
    assert browser.post("/onboard/", {"count": "2", **token(browser)}).status_code == 202
    assert Saga.objects.count() == 2


COUNTS = ["0", "-1", "10001", "many", "1.5", "true", "", " ", "1e3", "٣", "²", "1" * 5000, "1\x00", "+1"]


@in_database
@rules
@pytest.mark.parametrize("count", COUNTS, ids=[repr(count)[:12] for count in COUNTS])
def test_a_number_that_is_none_is_refused(browser: Client, count: str) -> None:
    assert "from 1 to 10,000" in detail(browser.post("/onboard/", {"count": count, **token(browser)}), 422)


LISTS: dict[str, tuple[bytes, int, str]] = {
    "an empty file": (b"", 422, "the list is empty"),
    "Latin-1": ("Ada,Data\nZoë,Data\n".encode("latin-1"), 422, "line 2 is not UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", 422, "line 1 is not UTF-8"),
    "bad quoting": (b'Ada,Data\n"Al"an,Data\n', 422, "line 2 is not CSV"),
    "a cell without end": (b'Ada,"' + b"x" * 200_000, 422, "is not CSV"),
    "10,001 rows": (b"Ada,Data\n" * 10_001, 422, "10,001 users; 10,000 is the most"),
    "one bad row in many": (b"Ada,Data\n" * 500 + b"<b>,Data\n", 422, "line 501: the name must not contain '<'"),
    "more than a megabyte": (b"Ada,Data\n" * (MAX_BYTES // 9 + 1), 413, "1,048,576 is the most"),
    "10 megabytes": (b"Ada,Data\n" * (10 * MEGABYTE // 9), 413, "bytes are the most"),
}


@in_database
@rules
@pytest.mark.parametrize(("content", "status", "reason"), LISTS.values(), ids=LISTS)
def test_a_list_that_is_none_is_refused(browser: Client, content: bytes, status: int, reason: str) -> None:
    file = SimpleUploadedFile("class.csv", content, content_type="text/csv")
    assert reason in detail(browser.post("/roster/", {"file": file, **token(browser)}), status)


@in_database
@rules
def test_an_empty_list_is_refused(browser: Client) -> None:
    assert "the list is empty" in detail(browser.post("/roster/", {"text": " \n", **token(browser)}), 422)


@in_database
@rules
@pytest.mark.parametrize("address", ["/api/sagas", "/onboard/", "/roster/", "/nowhere"])
def test_a_body_beyond_the_limit_is_refused_unread(browser: Client, address: str) -> None:
    answer = browser.post(address, b" " * (3 * MEGABYTE), content_type=JSON)
    assert "2,097,152 bytes" in detail(answer, 413)


# The database

CHANGING = [
    ("post", "/api/sagas", {"count": 3}),
    ("patch", "/api/services/notifier", {"running": False}),
    ("post", "/api/services/notifier/kill", {}),
]
in_real_transactions = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@contextmanager
def locked_database() -> Iterator[None]:
    """Let another connection write for as long as this lasts."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@in_real_transactions
@rules
@pytest.mark.parametrize(("method", "address", "body"), CHANGING, ids=[address for _, address, _ in CHANGING])
def test_a_locked_database_is_told_and_nothing_is_half_done(
    client: Client, method: str, address: str, body: Any
) -> None:
    with locked_database():
        answer = getattr(client, method)(address, body, content_type=JSON)
    assert "database is locked" in detail(answer, 503)


@in_real_transactions
@rules
@pytest.mark.parametrize(("address", "fields"), [("/onboard/", {"count": "3"}), ("/roster/", {"text": "Ada,Data"})])
def test_a_form_too_is_told_that_the_database_is_locked(browser: Client, address: str, fields: dict[str, str]) -> None:
    with locked_database():
        answer = browser.post(address, {**fields, **token(browser)})
    assert "nothing was started: database is locked" in detail(answer, 503)


@in_real_transactions
def test_while_one_writes_others_read(client: Client) -> None:
    accept(2)
    with locked_database():
        assert len(client.get("/api/sagas").json()["sagas"]) == 2


@contextmanager
def failing_database(first_word: str = "") -> Iterator[None]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(first_word):
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


@in_database
@rules
@pytest.mark.parametrize("statement", ["SELECT", "INSERT", "UPDATE"])
def test_a_database_that_fails_half_way_leaves_nothing(client: Client, statement: str) -> None:
    with failing_database(statement):
        answer = client.post("/api/sagas", {"count": 1200}, content_type=JSON)
    assert "nothing was started: database or disk is full" in detail(answer, 503)


READING = ["/api/sagas", "/api/sagas/x", "/api/services", "/api/dead-letters", "/api/invariants"]


@pytest.mark.django_db(databases=["default", *services.TOPICS_BY_SERVICE])
@rules
@pytest.mark.parametrize("address", READING)
def test_a_database_that_cannot_be_read_is_told(client: Client, address: str) -> None:
    with failing_database():
        answer = client.get(address)
    assert "database or disk is full" in detail(answer, 503)


# The socket

FRAMES: dict[str, dict[str, Any]] = {
    "a megabyte": {"text": "x" * MEGABYTE},
    "a megabyte of JSON": {"text": json.dumps({"type": "trace-mode", "enabled": False, "why": "x" * MEGABYTE})},
    "a byte too many": {"text": '{"type":"trace-mode","enabled":false}'.ljust(MAX_REQUEST_CHARS + 1)},
    "a binary frame": {"binary": b'{"type":"trace-mode","enabled":false}'},
    "a binary megabyte": {"binary": bytes(MEGABYTE)},
    "an empty frame": {"text": ""},
    "garbage": {"text": "\x00\x01 garbage }{"},
    "cut off": {"text": '{"type":"trace-mode"'},
    "deep nesting": {"text": "[" * 900},
    "a lone surrogate": {"text": '{"type":"\\ud800"}'},
    "an array": {"text": "[1,2]"},
    "null": {"text": "null"},
    "no type": {"text": '{"enabled":false}'},
    "an unknown type": {"text": '{"type":"drop-tables"}'},
    "a type that is a list": {"text": '{"type":["resume"]}'},
    "a snapshot": {"text": '{"type":"snapshot","sagas":[]}'},
    "resume after a word": {"text": '{"type":"resume","after":"x"}'},
    "resume after true": {"text": '{"type":"resume","after":true}'},
    "resume after false": {"text": '{"type":"resume","after":false}'},
    "resume after null": {"text": '{"type":"resume","after":null}'},
    "resume after less than nothing": {"text": '{"type":"resume","after":-1}'},
    "resume after a half": {"text": '{"type":"resume","after":1.5}'},
    "resume after what is no number": {"text": '{"type":"resume","after":NaN}'},
    "resume after infinity": {"text": '{"type":"resume","after":1e999}'},
    "resume after nothing": {"text": '{"type":"resume"}'},
    "older than a word": {"text": '{"type":"older","before":"x"}'},
    "older than true": {"text": '{"type":"older","before":true}'},
    "older than less than nothing": {"text": '{"type":"older","before":-1}'},
    "trace mode of one": {"text": '{"type":"trace-mode","enabled":1}'},
    "trace mode of a word": {"text": '{"type":"trace-mode","enabled":"off"}'},
    "trace mode of null": {"text": '{"type":"trace-mode","enabled":null}'},
    "trace mode of nothing": {"text": '{"type":"trace-mode"}'},
}


def socket_application() -> Any:
    hub = Hub(InMemoryChannelLayer(), Health())
    return SameOriginSocket(URLRouter([path("ws/sagas/", SagaSocket.as_asgi(hub=hub))]))


@in_real_transactions
async def test_a_frame_that_is_no_request_is_refused_and_the_socket_lives_on() -> None:
    async with open_page(socket_application()) as page:
        await page.next()
        for name, frame in FRAMES.items():
            await page.say_raw(**frame)
            answer = await page.next()
            assert answer["type"] == "error", name
            assert "ignored" in answer["detail"], name
        await page.say({"type": "trace-mode", "enabled": False})
        assert (await page.next())["trace"] is False


@in_real_transactions
@pytest.mark.parametrize("query", ["?trace=maybe", "?trace", "?trace=off&trace=on", "?" + "x" * 5000, "?%ff%00", "?trace=%F0%9F%98%80"])
async def test_a_socket_with_an_odd_address_is_opened_with_trace(query: str) -> None:
    async with open_page(socket_application(), query) as page:
        assert (await page.next())["trace"] is True


@in_real_transactions
async def test_pages_older_than_any_number_are_everything_or_nothing() -> None:
    async with open_page(socket_application()) as page:
        await page.next()
        for before in (0, 10**30):
            await page.say({"type": "older", "before": before})
            assert await page.next() == {"type": "page", "sagas": [], "older": None}
