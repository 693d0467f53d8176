"""The rest of the HTTP API: services, dead letters, invariants, and the document that describes it all."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from dashboard.models import DeadLetter, Service
from dashboard.readmodel import services
from saga.steering import LONGEST_LAG_MS
from saga.topics import SERVICES
from tests.support.dashboard.api import get
from tests.support.dashboard.factories import accept, completion, letter, say

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


def test_services_are_listed_with_what_they_are_asked_and_how_they_are(client: Client) -> None:
    services.ensure_rows((400, 3000))
    Service.objects.get(name="provisioner").delete()
    services.ensure_rows((400, 3000))  # it is now the last one in its table
    listed = {service["name"]: service for service in get(client, "/api/services")["services"]}
    assert list(listed) == list(SERVICES)
    assert listed["provisioner"]["topics"] == ["new-user", "undo-provision", "notified", "roll-back"]
    assert (listed["notifier"]["running"], listed["notifier"]["lag_ms"]) == (True, [400, 3000])
    assert {"state", "detail", "in_flight", "backlog", "rate", "partitions", "restarts"} <= set(listed["notifier"])


def test_a_service_that_nobody_has_heard_of_yet_is_starting_and_has_nothing_in_hand(client: Client) -> None:
    services.ensure_rows((400, 3000))
    nothing = dict.fromkeys(("in_flight", "backlog", "rate", "partitions", "restarts"), 0)
    untouched = {"running": True, "lag_ms": [400, 3000], "faults": {}, "armed": {}, "instances": [], "heard": False}
    for row in get(client, "/api/services")["services"]:
        assert row.items() >= ({"state": "starting", "detail": ""} | nothing | untouched).items()


@pytest.mark.parametrize(
    "change",
    [{"running": False}, {"lag_ms": [0, 0]}, {"lag_ms": [5, LONGEST_LAG_MS]}, {"running": True, "lag_ms": [1, 1]}],
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
    assert client.post("/api/services/notifier/kill", {}, content_type="application/json").status_code == 202
    assert Service.objects.get(name="notifier").orders == [{"instance": "n-1", "kill": True}]


def test_dead_letters_are_listed_newest_first(client: Client) -> None:
    say(letters=[letter(offset=1), letter(offset=2)])
    listed = get(client, "/api/dead-letters")["dead_letters"]
    assert [(one["topic"], one["offset"], one["reason"]) for one in listed] == [
        ("authorize", 2, "the message is empty"),
        ("authorize", 1, "the message is empty"),
    ]
    assert {one["id"] for one in listed} == set(DeadLetter.objects.values_list("id", flat=True))


def test_dead_letters_are_listed_page_by_page(client: Client) -> None:
    say(letters=[letter(offset=offset) for offset in range(5)])
    shown, after = [], ""
    while after is not None:
        page = get(client, f"/api/dead-letters?limit=2&after={after}")
        shown.append([one["offset"] for one in page["dead_letters"]])
        after = page["next"]
    assert shown == [[4, 3], [2, 1], [0]]


def test_a_dead_letter_names_its_saga_if_there_is_one(client: Client) -> None:
    [saga_id] = accept()
    say(letters=[letter(key=saga_id), letter(key="nobody's", offset=1), letter(key=None, offset=2)])
    listed = get(client, "/api/dead-letters")["dead_letters"]
    assert [one["saga_id"] for one in listed] == [None, None, saga_id]


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
        ("/api/sagas/retry", "post"),
        ("/api/sagas", "get"),
        ("/api/sagas/{saga_id}", "get"),
        ("/api/sagas/{saga_id}/retry", "post"),
        ("/api/sagas/{saga_id}/roll-back", "post"),
        ("/api/sagas/{saga_id}/resolution", "post"),
        ("/api/services", "get"),
        ("/api/services/{name}", "patch"),
        ("/api/services/{name}/kill", "post"),
        ("/api/faults", "delete"),
        ("/api/dead-letters", "get"),
        ("/api/dead-letters/{letter_id}/replay", "post"),
        ("/api/invariants", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    }
    assert document["openapi"].startswith("3.")


def test_the_document_lists_with_what_every_request_may_be_refused(client: Client) -> None:
    paths = get(client, "/api/openapi.json")["paths"]
    for path in (path for path in paths if path.startswith("/api/")):
        for method, described in paths[path].items():
            expected = {"503"} if method == "get" else {"401", "403", "413", "415", "429", "503"}
            assert expected <= set(described["responses"]), (method, path)


def test_no_path_of_the_api_is_missing_from_its_document(client: Client) -> None:
    [below] = [part for part in get_resolver().url_patterns if isinstance(part, URLResolver)]
    served = {re.sub(r"<(\w+:)?(\w+)>", r"{\2}", f"/{route.pattern}") for route in below.url_patterns}
    assert served - set(get(client, "/api/openapi.json")["paths"]) == {"/", "/api/openapi.json"}


def test_the_document_describes_how_ready_the_process_is(client: Client) -> None:
    document = get(client, "/api/openapi.json")
    answers = document["paths"]["/readyz"]["get"]["responses"]
    assert answers["200"]["content"] == answers["503"]["content"]
    assert set(document["components"]["schemas"]["Dependency"]["required"]) == {"name", "ok", "detail"}
    assert document["paths"]["/metrics"]["get"]["responses"]["200"]["content"].keys() == {"text/plain"}


def test_the_document_describes_what_is_answered(client: Client) -> None:
    [saga_id] = accept()
    say(completion(saga_id))
    schemas = get(client, "/api/openapi.json")["components"]["schemas"]
    assert set(schemas["SagaHistory"]["required"]) == set(get(client, f"/api/sagas/{saga_id}"))
    assert set(schemas["Event"]["required"]) >= {"seq", "kind", "at", "payload"}
    assert schemas["NewSagas"]["properties"]["count"]["anyOf"][0] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
    }
