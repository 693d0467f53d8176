"""The HTTP API, to the letter of its contract: what starts sagas, and what is told of one."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Saga
from dashboard.readmodel.projection import project
from saga import wire
from saga.bus import Record
from saga.definitions import ONBOARDING
from saga.messages import Kind, Trace
from saga.reports import on_record
from saga.routing import opening
from saga.topics import SERVICES
from tests.support.dashboard.api import SAGA_FIELDS, get, post
from tests.support.dashboard.factories import ADA, accept, event, letter, life_of, outgoing, say, trace

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
EVENT_FIELDS = set("seq kind service step action attempt at topic partition offset key headers payload detail".split())


ACCEPTED: dict[str, tuple[dict[str, Any], int]] = {
    "nothing said": ({}, 1),
    "one": ({"count": 1}, 1),
    "by name of all": ({"scenario": "onboarding", "style": "choreography", "count": 3}, 3),
    "users": ({"users": [{"name": "Ada", "department": "Data"}, {"name": "Alan", "department": "Data"}]}, 2),
    "users and their number": ({"count": 1, "users": [{"name": "Ada", "department": "Data"}]}, 1),
    "no users": ({"count": 2, "users": None}, 2),
}


@pytest.mark.parametrize(("body", "count"), ACCEPTED.values(), ids=ACCEPTED)
def test_sagas_are_accepted_and_their_ids_told(client: Client, body: dict[str, Any], count: int) -> None:
    answer = post(client, "/api/sagas", body)
    assert answer.status_code == 202
    assert set(answer.json()) == {"saga_ids"}
    assert len(set(answer.json()["saga_ids"])) == Saga.objects.count() == count


def test_a_program_may_name_the_charset_of_its_json(client: Client) -> None:
    assert client.post("/api/sagas", {}, content_type="application/json; charset=utf-8").status_code == 202


OURS = {
    "a program": {},
    "our page": {"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"},
    "the address bar": {"HTTP_SEC_FETCH_SITE": "none"},
}


@pytest.mark.parametrize("headers", OURS.values(), ids=OURS)
def test_programs_and_our_own_page_may(client: Client, headers: dict[str, str]) -> None:
    assert client.post("/api/sagas", {}, content_type="application/json", **headers).status_code == 202


def test_users_are_taken_by_name(client: Client) -> None:
    user = {"name": "  Zoë  Müller ", "department": "Data"}
    [saga_id] = post(client, "/api/sagas", {"users": [user]}).json()["saga_ids"]
    assert get(client, f"/api/sagas/{saga_id}")["user"] == {"name": "Zoë Müller", "department": "Data"}


def test_a_saga_looks_as_the_contract_says(client: Client) -> None:
    [saga_id] = accept()
    say(*life_of(saga_id))
    saga = get(client, f"/api/sagas/{saga_id}")
    assert set(saga) >= SAGA_FIELDS | {"events"}
    assert (saga["saga_id"], saga["scenario"], saga["style"]) == (saga_id, "onboarding", "choreography")
    assert (saga["status"], saga["reason"], set(saga["user"])) == ("completed", None, {"name", "department"})
    assert [(step["name"], step["service"], step["status"], step["attempts"]) for step in saga["steps"]] == [
        ("provision", "provisioner", "done", 1),
        ("authorize", "authorizer", "done", 2),
        ("notify", "notifier", "done", 1),
    ]


def test_events_are_told_in_causal_order_each_once(client: Client) -> None:
    [saga_id] = accept()
    say(*reversed(life_of(saga_id)), *life_of(saga_id))
    events = get(client, f"/api/sagas/{saga_id}")["events"]
    assert all(set(event) == EVENT_FIELDS for event in events)
    assert [event["seq"] for event in events] == list(range(1, len(life_of(saga_id)) + 1))
    assert [(event["kind"], event["step"]) for event in events] == [
        ("started", None),
        ("received", "provision"),
        ("succeeded", "provision"),
        ("received", "authorize"),
        ("retrying", "authorize"),
        ("succeeded", "authorize"),
        ("received", "notify"),
        ("succeeded", "notify"),
        ("completed", None),
    ]


def test_an_event_shows_the_message_and_where_it_was(client: Client) -> None:
    message = opening(ONBOARDING, saga_id="known", style="choreography", user=ADA)
    record = Record(
        topic="new-user", partition=4, offset=9, key=b"known", value=b'{"data": {"hop": 0}}', headers=(("h", b"v"),)
    )
    say(trace("known", on_record(Kind.RECEIVED, record, message, service="provisioner", attempt=1, at=life_at())))
    [shown] = get(client, "/api/sagas/known")["events"]
    assert (shown["topic"], shown["partition"], shown["offset"], shown["key"]) == ("new-user", 4, 9, "known")
    assert (shown["headers"], shown["payload"]) == ({"h": "v"}, {"data": {"hop": 0}})


def life_at() -> str:
    return "2026-01-01T12:00:00Z"


PAYLOADS = {
    "JSON": ('{"a": 1}', {"a": 1}),
    "none": (None, None),
    "cut off": ('{"a": 1', '{"a": 1'),
    "no JSON": ("Hello", "Hello"),
    "nested beyond reading": ("[" * 5000, "[" * 5000),
    "a number that JSON does not know": ('{"a": NaN}', '{"a": NaN}'),
    "a number that no browser counts to": ('{"a": 1e400}', '{"a": 1e400}'),
    "half a character": ('{"a": "\\ud800"}', '{"a": "\\ud800"}'),
    "nested as nobody would read it": ("[" * 300 + "]" * 300, "[" * 300 + "]" * 300),
}


@pytest.mark.parametrize(("payload", "shown"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_is_shown_as_json_where_it_is_json_else_as_text(
    client: Client, payload: str | None, shown: Any
) -> None:
    say(trace("known", event(Kind.STARTED, payload=payload)))
    assert get(client, "/api/sagas/known")["events"][0]["payload"] == shown
    assert client.get("/sagas/known").status_code == 200


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_told_is_json_that_every_browser_reads(client: Client, constant: str) -> None:
    """A foreign service's JSON may hold what JSON does not know."""
    said = outgoing(trace("known", event(Kind.SUCCEEDED, "provision", detail={"result": {"x": "here"}}))).value.decode()
    text = said.replace('"here"', constant)
    project([(wire.decode(Trace, text), text)], [])
    for path in ("/api/sagas/known", "/api/sagas"):
        strict = json.loads(client.get(path).content, parse_constant=pytest.fail)
        assert strict


def times_in(found: Any, name: str = "") -> list[str]:
    if isinstance(found, dict):
        return [time for key, value in found.items() for time in times_in(value, key)]
    if isinstance(found, list):
        return [time for value in found for time in times_in(value, name)]
    return [found] if name in {"at", "started_at", "ended_at"} and found is not None else []


def test_times_are_rfc_3339_in_utc(client: Client) -> None:
    [saga_id] = accept()
    say(*life_of(saga_id), letters=[letter()])
    paths = (f"/api/sagas/{saga_id}", "/api/sagas", "/api/dead-letters")
    times = [time for path in paths for time in times_in(get(client, path))]
    assert len(times) > 10
    assert all(RFC_3339_UTC.fullmatch(time) for time in times)


def test_a_saga_without_events_has_an_empty_history(client: Client) -> None:
    [saga_id] = accept()
    saga = get(client, f"/api/sagas/{saga_id}")
    assert (saga["events"], saga["status"], saga["ended_at"]) == ([], "running", None)


@pytest.mark.parametrize(
    "saga_id", ["nobody", "00000000-0000-0000-0000-000000000000", "x" * 2000, "%00", "%F0%9F%98%80"]
)
def test_an_unknown_saga_is_not_found(client: Client, saga_id: str) -> None:
    answer = client.get(f"/api/sagas/{saga_id}")
    assert answer.status_code == 404
    assert "there is no saga" in answer.json()["detail"]
