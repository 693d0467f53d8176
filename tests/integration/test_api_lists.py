"""The HTTP API lists sagas newest first, page by page, each once, and only those that were asked for."""

import pytest
from django.test import Client

from saga.topics import SERVICES
from tests.support.dashboard.api import SAGA_FIELDS, get
from tests.support.dashboard.factories import accept, accept_trip, compensation, finish, no_progress, say

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


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


def test_a_cursor_beyond_counting_is_beyond_everything(client: Client) -> None:
    ids = accept(2)
    found = client.get(f"/api/sagas?after={10**30}").json()["sagas"]
    assert [saga["saga_id"] for saga in found] == ids[::-1]


def test_new_sagas_do_not_shift_a_page(client: Client) -> None:
    ids = accept(4)
    first = get(client, "/api/sagas?limit=2")
    accept(2)
    second = get(client, f"/api/sagas?limit=2&after={first['next']}")
    assert [saga["saga_id"] for saga in first["sagas"] + second["sagas"]] == ids[::-1]


FILTERS = {
    "status=completed": [1],
    "status=running": [5, 2, 0],
    "scenario=onboarding": [4, 3, 2, 1, 0],
    "status=completed&scenario=onboarding": [1],
    "status=compensated": [3],
    "status=stuck": [4],
    "scenario=trip": [5],
    "scenario=trip&status=stuck": [],
    "after=0": [],
    "status=&scenario=&after=&limit=": [5, 4, 3, 2, 1, 0],
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items(), ids=FILTERS)
def test_sagas_are_filtered(client: Client, query: str, expected: list[int]) -> None:
    ids = [*accept(5), accept_trip()]
    finish(ids[1])
    say(compensation(ids[3]), no_progress(ids[4], since=1))
    assert [saga["saga_id"] for saga in get(client, f"/api/sagas?{query}")["sagas"]] == [ids[one] for one in expected]


def test_filters_hold_on_every_page(client: Client) -> None:
    ids = accept(6)
    finish(*ids[::2])
    first = get(client, "/api/sagas?status=completed&limit=2")
    second = get(client, f"/api/sagas?status=completed&limit=2&after={first['next']}")
    assert [saga["saga_id"] for saga in first["sagas"] + second["sagas"]] == ids[::2][::-1]
    assert second["next"] is None
