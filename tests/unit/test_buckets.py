"""A bucket lets a person hurry and holds up a flood, and what is not used takes no room."""

import pytest

from dashboard.web.buckets import WINDOW_S, Buckets

RATES = [1, 5, 7, 60, 1200, 60_000]


def taken(buckets: Buckets, *, per_minute: int, now: float, most: int = 100_000, key: str = "ada") -> int:
    """Return how often in a row something is granted."""
    for count in range(most):
        if buckets.take(key, per_minute=per_minute, now=now):
            return count
    return most


@pytest.mark.parametrize("per_minute", RATES)
def test_a_minutes_worth_is_granted_at_once(per_minute: int) -> None:
    assert taken(Buckets(), per_minute=per_minute, now=1e6) == per_minute


@pytest.mark.parametrize("per_minute", RATES)
def test_it_fills_again_in_a_minute(per_minute: int) -> None:
    buckets = Buckets()
    taken(buckets, per_minute=per_minute, now=0.0)
    assert taken(buckets, per_minute=per_minute, now=WINDOW_S) == per_minute


@pytest.mark.parametrize("per_minute", RATES)
def test_who_waits_as_long_as_told_is_granted_one_more(per_minute: int) -> None:
    buckets = Buckets()
    taken(buckets, per_minute=per_minute, now=0.0)
    wait_s = buckets.take("ada", per_minute=per_minute, now=0.0)
    assert buckets.take("ada", per_minute=per_minute, now=wait_s / 2)
    assert taken(buckets, per_minute=per_minute, now=wait_s) == 1


def test_what_is_refused_costs_nothing() -> None:
    buckets = Buckets()
    taken(buckets, per_minute=2, now=0.0)
    waits = [buckets.take("ada", per_minute=2, now=0.0) for _ in range(10)]
    assert waits == [waits[0]] * 10


def test_rest_earns_no_more_than_a_minutes_worth() -> None:
    buckets = Buckets()
    for other in ("alan", "anika"):  # those used longer ago, and not full yet, so that Ada's is still known
        buckets.take(other, per_minute=60, cost=10_000, now=0.0)
    buckets.take("ada", per_minute=5, now=0.0)
    assert taken(buckets, per_minute=5, now=1000.0) == 5


def test_asking_takes_nothing() -> None:
    buckets = Buckets()
    for other in ("alan", "anika"):
        buckets.take(other, per_minute=1, now=0.0)
    assert [buckets.take("ada", per_minute=1, now=0.0, cost=0) for _ in range(5)] == [0.0] * 5
    assert len(buckets) == 2
    assert taken(buckets, per_minute=1, now=0.0) == 1


def test_a_large_request_is_granted_and_paid_for_by_the_next() -> None:
    buckets = Buckets()
    assert buckets.take("ada", per_minute=60, cost=600, now=0.0) == 0.0
    assert buckets.take("ada", per_minute=60, now=0.0) == pytest.approx(600 + 1 - WINDOW_S)


def test_each_key_has_its_own() -> None:
    buckets = Buckets()
    taken(buckets, per_minute=3, now=0.0)
    assert taken(buckets, per_minute=3, now=0.0, key="alan") == 3


def test_what_is_full_again_is_forgotten() -> None:
    buckets = Buckets()
    for number in range(1000):
        buckets.take(f"visitor {number}", per_minute=60, now=0.0)
    for number in range(1000):
        buckets.take(f"other {number}", per_minute=60, now=WINDOW_S + number)
    assert len(buckets) == 1


def test_there_are_never_more_than_allowed_and_those_in_use_stay() -> None:
    buckets = Buckets(most=10)
    taken(buckets, per_minute=2, now=0.0)
    for number in range(100):
        buckets.take(f"visitor {number}", per_minute=60, now=0.0)
        buckets.take("alan", per_minute=100, now=0.0)
        assert len(buckets) <= 10
    assert taken(buckets, per_minute=100, now=0.0, key="alan") == 0
