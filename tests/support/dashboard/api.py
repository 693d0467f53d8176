"""The HTTP API as a program uses it."""

from typing import Any

from django.test import Client

from tests.support.dashboard.refusals import JSON

SAGA_FIELDS = set("saga_id scenario style status reason user started_at ended_at steps".split())


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, body or {}, content_type=JSON)


def get(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()
