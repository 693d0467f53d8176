"""The HTTP API, to the letter of its contract."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from dashboard import services
from dashboard.models import DeadLetter, Saga, Service
from dashboard.projection import project
from saga import wire
from saga.bus import Record
from saga.messages import Kind, Trace
from saga.reports import on_record
from saga.routing import opening
from saga.definitions import ONBOARDING
from saga.topics import SERVICES
from tests.dash_factories import ADA, accept, completion, event, finish, letter, life_of, outgoing, say, trace

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
EVENT_FIELDS = set("seq kind service step attempt at topic partition offset key headers payload detail".split())
SAGA_FIELDS = set("saga_id scenario style status reason user started_at ended_at steps".split())


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def get(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


ACCEPTED: dict[str, tuple[dict[str, Any], int]] = {
    "nothing said": ({}, 1),
    "one": ({"count": 1}, 1),
    "by name of all": ({"scenario": "onboarding", "style": "choreography", "count": 3}, 3),
    "users": ({"users": [{"name": "Ada", "department": "Data"}, {"name": "Alan", "department": "Data"}]}, 2),
    "users and their number": ({"count": 1, "users": [{"name": "Ada", "department": "Data"}]}, 1),
    "no users": ({"count": 2, "users": None}, 2),
    "the most": ({"count": 10_000}, 10_000),
}


@pytest.mark.parametrize(("body", "count"), ACCEPTED.values(), ids=ACCEPTED)
def test_sagas_are_accepted_and_their_ids_told(client: Client, body: dict[str, Any], count: int) -> None:
    answer = post(client, "/api/sagas", body)
    assert answer.status_code == 202
    assert set(answer.json()) == {"saga_ids"}
    assert len(set(answer.json()["saga_ids"])) == Saga.objects.count() == count


def test_a_program_may_name_the_charset_of_its_json(client: Client) -> None:
    assert client.post("/api/sagas", {}, content_type="application/json; charset=utf-8").status_code == 202


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
    message = opening(ONBOARDING, saga_id="known", style="choreography", user=ADA).message
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
}


@pytest.mark.parametrize(("payload", "shown"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_is_shown_as_json_where_it_is_json_else_as_text(
    client: Client, payload: str | None, shown: Any
) -> None:
    say(trace("known", event(Kind.STARTED, payload=payload)))
    assert get(client, "/api/sagas/known")["events"][0]["payload"] == shown


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


@pytest.mark.parametrize("saga_id", ["nobody", "00000000-0000-0000-0000-000000000000", "x" * 2000, "%00", "%F0%9F%98%80"])
def test_an_unknown_saga_is_not_found(client: Client, saga_id: str) -> None:
    answer = client.get(f"/api/sagas/{saga_id}")
    assert answer.status_code == 404
    assert "there is no saga" in answer.json()["detail"]


def test_sagas_are_listed_newest_first(client: Client) -> None:
    ids = accept(3)
    page = get(client, "/api/sagas")
    assert [saga["saga_id"] for saga in page["sagas"]] == ids[::-1]
    assert page["next"] is None
    assert set(page["sagas"][0]) >= SAGA_FIELDS


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 1000])
def test_cursors_page_through_everything_once(client: Client, limit: int) -> None:
    ids, found, cursor = accept(7), [], ""
    while cursor is not None:
        page = get(client, f"/api/sagas?limit={limit}{cursor and '&after='}{cursor}")
        assert 0 < len(page["sagas"]) <= limit
        found += [saga["saga_id"] for saga in page["sagas"]]
        cursor = page["next"]
    assert found == ids[::-1]


def test_new_sagas_do_not_shift_a_page(client: Client) -> None:
    ids = accept(4)
    first = get(client, "/api/sagas?limit=2")
    accept(2)
    second = get(client, f"/api/sagas?limit=2&after={first['next']}")
    assert [saga["saga_id"] for saga in first["sagas"] + second["sagas"]] == ids[::-1]


FILTERS = {
    "status=completed": [1],
    "status=running": [2, 0],
    "scenario=onboarding": [2, 1, 0],
    "status=completed&scenario=onboarding": [1],
    "status=stuck": [],
    "scenario=trip": [],
    "after=0": [],
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items(), ids=FILTERS)
def test_sagas_are_filtered(client: Client, query: str, expected: list[int]) -> None:
    ids = accept(3)
    finish(ids[1])
    assert [saga["saga_id"] for saga in get(client, f"/api/sagas?{query}")["sagas"]] == [ids[one] for one in expected]


def test_filters_hold_on_every_page(client: Client) -> None:
    ids = accept(6)
    finish(*ids[::2])
    first = get(client, "/api/sagas?status=completed&limit=2")
    second = get(client, f"/api/sagas?status=completed&limit=2&after={first['next']}")
    assert [saga["saga_id"] for saga in first["sagas"] + second["sagas"]] == ids[::2][::-1]
    assert second["next"] is None


def test_services_are_listed_with_what_they_are_asked_and_how_they_are(client: Client) -> None:
    services.ensure_rows((400, 3000))
    listed = {service["name"]: service for service in get(client, "/api/services")["services"]}
    assert set(listed) == set(SERVICES)
    assert listed["provisioner"]["topics"] == ["new-user", "notified"]
    assert (listed["notifier"]["running"], listed["notifier"]["lag_ms"]) == (True, [400, 3000])
    assert {"state", "detail", "in_flight", "backlog", "rate", "partitions", "restarts"} <= set(listed["notifier"])


@pytest.mark.parametrize(
    "change", [{"running": False}, {"lag_ms": [0, 0]}, {"lag_ms": [5, 50]}, {"running": True, "lag_ms": [1, 1]}]
)
def test_a_service_is_changed_as_asked_and_no_more(client: Client, change: dict[str, Any]) -> None:
    services.ensure_rows((400, 3000))
    answer = client.patch("/api/services/notifier", change, content_type="application/json")
    assert answer.status_code == 200
    assert {"running": True, "lag_ms": [400, 3000]} | change == {
        name: answer.json()[name] for name in ("running", "lag_ms")
    }
    assert Service.objects.get(name="authorizer").running


def test_a_service_is_killed_by_its_living_instances(client: Client) -> None:
    services.ensure_rows((0, 0))
    Service.objects.filter(name="notifier").update(view={"instances": [{"instance": "n-1"}]})
    assert post(client, "/api/services/notifier/kill", {}).status_code == 202
    assert Service.objects.get(name="notifier").kill == ["n-1"]


def test_dead_letters_are_listed_newest_first(client: Client) -> None:
    say(letters=[letter(offset=1), letter(offset=2)])
    listed = get(client, "/api/dead-letters")["dead_letters"]
    assert [(one["topic"], one["offset"], one["reason"]) for one in listed] == [
        ("authorize", 2, "the message is empty"),
        ("authorize", 1, "the message is empty"),
    ]
    assert {one["id"] for one in listed} == set(DeadLetter.objects.values_list("id", flat=True))


def test_invariants_are_told(client: Client) -> None:
    accept(2)
    told = get(client, "/api/invariants")
    assert told["ok"] is True
    assert all(set(check) == {"name", "ok", "detail"} and check["ok"] for check in told["checks"])


def test_the_openapi_document_lists_every_path_and_method(client: Client) -> None:
    document = get(client, "/api/openapi.json")
    described = {(path, method) for path, ways in document["paths"].items() for method in ways}
    assert described == {
        ("/api/sagas", "post"),
        ("/api/sagas", "get"),
        ("/api/sagas/{saga_id}", "get"),
        ("/api/services", "get"),
        ("/api/services/{name}", "patch"),
        ("/api/services/{name}/kill", "post"),
        ("/api/dead-letters", "get"),
        ("/api/invariants", "get"),
    }
    assert document["openapi"].startswith("3.")


def test_no_path_below_the_api_is_missing_from_its_document(client: Client) -> None:
    [below] = [part for part in get_resolver().url_patterns if str(part.pattern) == "api/"]
    served = {re.sub(r"<(\w+:)?(\w+)>", r"{\2}", f"/api/{route.pattern}") for route in below.url_patterns}
    assert served - set(get(client, "/api/openapi.json")["paths"]) == {"/api/", "/api/openapi.json"}


def test_the_document_describes_what_is_answered(client: Client) -> None:
    [saga_id] = accept()
    say(completion(saga_id))
    schemas = get(client, "/api/openapi.json")["components"]["schemas"]
    assert set(schemas["SagaHistory"]["required"]) == set(get(client, f"/api/sagas/{saga_id}"))
    assert set(schemas["Event"]["required"]) == EVENT_FIELDS
