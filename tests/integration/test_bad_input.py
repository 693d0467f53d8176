"""Whatever is sent to the API, the answer is a clear refusal, nothing is begun, and the server goes on."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import ApplicationCommunicator
from django.test import Client

from dashboard.models import Service
from dashboard.readmodel import services
from tests.support.dashboard.refusals import JSON, MEGABYTE, nothing_begun, reason_of
from workshop.asgi import application

pytestmark = pytest.mark.django_db

USER = {"name": "Ada", "department": "Data"}


@pytest.fixture(autouse=True)
def _nothing_is_begun(client: Client) -> Iterator[None]:
    with nothing_begun(client):
        yield


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
    "another count than users": ({"count": 2, "users": [USER]}, "^count is 2, but 1 users are given"),
    "an unknown field": ({"count": 1, "colour": "red"}, "colour"),
    "a great many unknown fields": (dict.fromkeys(map(str, range(100_000)), 0), "^there is no field '0'$"),
    "users with a great many unknown fields": (
        {"users": [{str(n): n} for n in range(10_000)]},
        "^users.0: there is no field '0'$",
    ),
    "faults of a great many steps": (
        {"faults": dict.fromkeys(map(str, range(100_000)), 0)},
        "^faults: a saga has at most 10",
    ),
    "an unknown field of a user": ({"users": [{**USER, "admin": True}]}, "admin"),
    "a name that is a number": ({"users": [{**USER, "name": 7}]}, "name.*string"),
    "a name of 1,000 characters": (users(name="x" * 1000), "the name has 1000 characters"),
    "a name of 40,000 accents": (users(name="a" + "\u0315\u0300" * 20_000), "the name has 40001 characters"),
    "a department of 1,000 characters": (users(department="x" * 1000), "the department has 1000 characters"),
    "an empty name": (users(name=" "), "^users.1: the name is empty"),
    "markup": (users(name="<script>alert(1)</script>"), "the name must not contain '<'"),
    "a formula": (users(name='=HYPERLINK("http://evil.example")'), "the name must not begin with '='"),
    "a formula as department": (users(department="@SUM(A1:A9)"), "the department must not begin with '@'"),
    "a control character": (users(name="Ada\x07"), "the name must not contain"),
    "a null character": (users(name="Ada\x00"), "the name must not contain"),
    "a right-to-left override": (users(name="Ada\u202e"), "the name must not contain"),
    "a lone surrogate": (users(name="Ada\ud800"), "the name must not contain|JSON"),
    "a style that the scenario has not": ({"scenario": "trip", "style": "choreography"}, "^trip is only orchestration"),
    "faults of an unknown step": ({"faults": {"teleport": {}}}, "onboarding has no step 'teleport'"),
    "faults of another scenario's step": ({"scenario": "trip", "faults": {"notify": {}}}, "trip has no step 'notify'"),
    "no failures": ({"faults": {"notify": {"failures": 0}}}, "failures.*greater than or equal to 1"),
    "too many failures": ({"faults": {"notify": {"failures": 1001}}}, "failures.*less than or equal to 1000"),
    "half a failure": ({"faults": {"notify": {"failures": 0.5}}}, "failures.*integer"),
    "failures that are true": ({"faults": {"notify": {"failures": True}}}, "failures.*integer"),
    "retryable in a word": ({"faults": {"notify": {"retryable": "yes"}}}, "retryable.*boolean"),
    "an error without words": ({"faults": {"notify": {"error": ""}}}, "error.*at least 1 character"),
    "an error without end": ({"faults": {"notify": {"error": "x" * 201}}}, "error.*at most 200 characters"),
    "an error with a null character": ({"faults": {"notify": {"error": "a\x00"}}}, "error.*pattern"),
    "an unknown action": ({"faults": {"notify": {"action": "redo"}}}, "action.*'do' or 'undo'"),
    "an unknown field of a fault": ({"faults": {"notify": {"colour": "red"}}}, "^faults.notify: .*'colour'"),
    "faults that are a list": ({"faults": ["notify"]}, "faults.*dict"),
    "a fault that is null": ({"faults": {"notify": None}}, "notify"),
    "faults of too many steps": ({"faults": {f"step-{n}": {} for n in range(11)}}, "faults.*at most 10"),
    "an array": ([1, 2], "^the body: .*object"),
    "a number": (7, "^the body: .*object"),
    "null": (None, "^the body: .*object"),
    "a word": ("onboarding", "^the body: .*object"),
}
RAW: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "^the body: Field required"),
    "no JSON": (b"{count: 1}", "JSON|body"),
    "cut off": (b'{"count": 1', "JSON|body"),
    "not a number": (b'{"count": NaN}', "count"),
    "deep nesting": (b"[" * 100_000, "JSON|body"),
    "a deep user": (b'{"users": ' + b"[" * 100_000, "JSON|body"),
    "not text": (b"\xff\xfe\x00", "JSON|body"),
    "Latin-1": ('{"users": [{"name": "Zoë", "department": "Data"}]}'.encode("latin-1"), "JSON|body"),
}


@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=BODIES)
def test_a_request_that_makes_no_sense_is_refused_by_name(client: Client, body: Any, reason: str) -> None:
    found = reason_of(client.post("/api/sagas", json.dumps(body), content_type=JSON), 422)
    assert re.search(reason, found), found


@pytest.mark.parametrize(("body", "reason"), RAW.values(), ids=RAW)
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes, reason: str) -> None:
    # The test client leaves out the type of an empty body; others do not.
    found = reason_of(client.generic("POST", "/api/sagas", body, CONTENT_TYPE=JSON, content_type=JSON), 422)
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
    "faults of an unknown service": ("barista", {"faults": {}}, 404, "barista"),
    "an unknown fault": ("notifier", {"faults": {"explode": True}}, 422, "explode"),
    "faults that are a list": ("notifier", {"faults": []}, 422, "faults"),
    "a fault without a name": ("notifier", {"faults": "all of them"}, 422, "faults"),
    "less than never": ("notifier", {"faults": {"fail_rate": -0.1}}, 422, "fail_rate"),
    "more than always": ("notifier", {"faults": {"fail_rate": 1.1}}, 422, "fail_rate"),
    "a rate in words": ("notifier", {"faults": {"drop_rate": "half"}}, 422, "drop_rate"),
    "a rate that is true": ("notifier", {"faults": {"duplicate_rate": True}}, 422, "duplicate_rate"),
    "more drops than messages": ("notifier", {"faults": {"drop_rate": 2}}, 422, "drop_rate"),
    "more delays than messages": ("notifier", {"faults": {"delay_rate": 1e300}}, 422, "delay_rate"),
    "a delay into the past": ("notifier", {"faults": {"delay_rate": 1, "delay_ms": -1}}, 422, "delay_ms"),
    "a delay without end": ("notifier", {"faults": {"delay_rate": 1, "delay_ms": 60_001}}, 422, "delay_ms"),
    "less order than none": ("notifier", {"faults": {"reorder_rate": -1}}, 422, "reorder_rate"),
    "fewer failures than none": ("notifier", {"faults": {"fail_next": -1}}, 422, "fail_next"),
    "failures without end": ("notifier", {"faults": {"fail_next": 1001}}, 422, "fail_next"),
    "a crash at no instant": ("notifier", {"faults": {"crash_at": "tea time"}}, 422, "crash_at"),
    "an action that is none": ("notifier", {"faults": {"action": "redo"}}, 422, "action"),
    "an unknown step": ("notifier", {"faults": {"fail_rate": 1, "step": "teleport"}}, 422, "no step 'teleport'"),
    "a step of another service": ("notifier", {"faults": {"fail_rate": 1, "step": "hotel"}}, 422, "it has notify"),
    "steps of the coordinator": ("coordinator", {"faults": {"fail_rate": 0.5}}, 422, "no steps that could fail"),
    "the coordinator's next steps": ("coordinator", {"faults": {"fail_next": 1}}, 422, "no steps that could fail"),
    "a seed below all": ("notifier", {"faults": {"seed": -1}}, 422, "seed"),
    "a seed beyond counting": ("notifier", {"faults": {"seed": 2**31}}, 422, "seed"),
    "an error without words": ("notifier", {"faults": {"error": ""}}, 422, "error"),
    "an error without end": ("notifier", {"faults": {"error": "x" * 201}}, 422, "error"),
}


@pytest.mark.parametrize(("name", "change", "status", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_service_that_makes_no_sense_is_refused(
    client: Client, name: str, change: Any, status: int, reason: str
) -> None:
    assert reason in reason_of(client.patch(f"/api/services/{name}", change, content_type=JSON), status)


@pytest.mark.parametrize("body", [b'{"x":', b"garbage", b'{"force": true}', b"[]"], ids=repr)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/services/car/kill"),
        ("POST", "/api/sagas/retry"),
        ("POST", "/api/sagas/s/retry"),
        ("POST", "/api/sagas/s/roll-back"),
        ("DELETE", "/api/faults"),
    ],
)
def test_what_takes_no_body_refuses_one_that_it_would_not_understand(
    client: Client, method: str, path: str, body: bytes
) -> None:
    services.ensure_rows((0, 0))
    before = list(Service.objects.values())
    reason_of(client.generic(method, path, body, content_type=JSON), 422)
    assert list(Service.objects.values()) == before


def test_a_service_that_does_not_exist_cannot_be_killed(client: Client) -> None:
    assert "barista" in reason_of(client.post("/api/services/barista/kill", {}, content_type=JSON), 404)


QUERIES = ["limit=0", "limit=-1", "limit=1001", "limit=many", "limit=1.5", "after=-1", "after=x"]
QUERIES += ["limit=1.0", "limit=1_0", "limit=%2B1", "after=1%0A"]
QUERIES += ["status=done", "scenario=moon-landing", "status=%00", "scenario=trip%00", "after=%00"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_makes_no_sense_is_refused_by_name(client: Client, query: str) -> None:
    assert query.partition("=")[0] in reason_of(client.get(f"/api/sagas?{query}"), 422)


@pytest.mark.parametrize("path", ["/api/sagas/%00", "/sagas/a%00b"])
def test_no_database_is_asked_for_a_name_with_a_nul_character(
    client: Client, path: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert "NUL" in reason_of(client.get(path), 404)


def test_a_query_without_end_is_refused(client: Client) -> None:
    query = "&".join(f"limit={number}" for number in range(1, 1000))
    assert "so many fields" in reason_of(client.get(f"/api/sagas?{query}"), 422)


LONG = "x" * 1000
LONG_NAMES: dict[str, tuple[str, str, Any, int]] = {
    "a service": ("patch", f"/api/services/{LONG}", {"running": True}, 404),
    "a step of a service": ("patch", "/api/services/notifier", {"faults": {"step": LONG}}, 422),
    "a step of a saga": ("post", "/api/sagas", {"faults": {LONG: {}}}, 422),
    "a step to resolve": ("post", "/api/sagas/known/resolution", {"step": LONG}, 422),
}


@pytest.mark.parametrize(("method", "address", "body", "status"), LONG_NAMES.values(), ids=LONG_NAMES)
def test_a_name_without_end_is_refused_and_not_repeated_in_full(
    client: Client, method: str, address: str, body: Any, status: int
) -> None:
    reason_of(getattr(client, method)(address, body, content_type=JSON), status)


def test_a_body_in_chunks_is_measured_too() -> None:
    """Its length is not told beforehand."""
    status, body = async_to_sync(_post_in_chunks)(b" " * MEGABYTE, 3)
    assert status == 413
    assert b"2,097,152 bytes" in body


async def _post_in_chunks(chunk: bytes, count: int) -> tuple[int, bytes]:
    headers = [(b"host", b"localhost"), (b"content-type", JSON.encode()), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/api/sagas", "query_string": b"", "headers": headers}
    server = ApplicationCommunicator(application, scope)
    for number in range(1, count + 1):
        await server.send_input({"type": "http.request", "body": chunk, "more_body": number < count})
    start, end = [await server.receive_output(timeout=20) for _ in range(2)]
    await server.wait(timeout=20)
    return start["status"], end["body"]
