"""Sagas that end are placed by when they ended, and whoever overtook somebody is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.models import Saga
from tests.support.dashboard.factories import accept, completion, counters, finish, saga, say
from tests.support.dashboard.properties import in_batches, property_test, taken_back

pytestmark = pytest.mark.django_db


@property_test
@given(st.integers(1, 9).flatmap(lambda n: st.permutations(range(n))).flatmap(in_batches))
def test_who_overtook_whom_is_what_counting_gives(order_in_batches: list[list[int]]) -> None:
    order = [one for batch in order_in_batches for one in batch]
    with taken_back():
        ids = accept(len(order))
        for batch in order_in_batches:
            finish(*(ids[one] for one in batch))
        for place, one in enumerate(order):
            row = saga(ids[one])
            overtook = sum(other < one for other in order[place + 1 :])
            overtaken = sum(other > one for other in order[:place])
            assert (row.finished, row.overtook, row.overtaken) == (place + 1, overtook, overtaken)
        moved = Saga.objects.exclude(overtook=0, overtaken=0).count()
        assert counters()["out_of_order"] == moved


ORDERS = {
    "as they started": ([1, 2, 3], [(1, 0, 0), (2, 0, 0), (3, 0, 0)]),
    "backwards": ([3, 2, 1], [(3, 0, 2), (2, 1, 1), (1, 2, 0)]),
    "the last one first": ([3, 1, 2], [(2, 0, 1), (3, 0, 1), (1, 2, 0)]),
    "the first one last": ([2, 3, 1], [(3, 0, 2), (1, 1, 0), (2, 1, 0)]),
    "one of them still runs": ([3, 1], [(2, 0, 1), (None, None, None), (1, 2, 0)]),
}


@pytest.mark.parametrize(("order", "expected"), ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_places_and_overtakings(order: list[int], expected: list[tuple[int, int, int]], together: bool) -> None:
    ids = accept(3)
    ended = [ids[number - 1] for number in order]
    for batch in [ended] if together else [[one] for one in ended]:
        finish(*batch)
    rows = [saga(saga_id) for saga_id in ids]
    assert [(row.finished, row.overtook, row.overtaken) for row in rows] == expected


def test_sagas_that_end_in_one_batch_are_placed_by_when_they_ended() -> None:
    ids = accept(3)
    say(*(completion(saga_id, second=second) for saga_id, second in zip(ids, (30, 10, 20), strict=True)))
    assert [saga(saga_id).finished for saga_id in ids] == [3, 1, 2]


def test_sagas_that_ended_at_one_moment_are_placed_as_they_started() -> None:
    ids = accept(6)
    say(*(completion(saga_id, second=10) for saga_id in reversed(ids)))
    assert [saga(saga_id).finished for saga_id in ids] == [1, 2, 3, 4, 5, 6]
