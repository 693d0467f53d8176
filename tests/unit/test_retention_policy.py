"""What is old enough to be forgotten: the oldest ended sagas, and never one that is to be kept."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.backstage.retention import Policy
from saga.times import rfc3339

NOW = datetime(2026, 1, 31, tzinfo=UTC)
DAYS, SAGAS = st.integers(0, 40), st.integers(0, 30)
# How many days ago each saga got on for the last time, in the order of finishing, which need not be the same.
AGES = st.lists(st.floats(0, 60), max_size=30)


def ago(days: float) -> str:
    return rfc3339(NOW - timedelta(days=days))


def last_to_forget(ages: list[float], *, days: int, sagas: int, first: int = 1) -> int:
    ended = [(place, ago(age)) for place, age in enumerate(ages, start=first)]
    return Policy(days, sagas).last_to_forget(ended, newest=first + len(ages) - 1, now=NOW)


@given(AGES, DAYS, SAGAS)
def test_whatever_is_forgotten_is_too_old_or_too_many(ages: list[float], days: int, sagas: int) -> None:
    for place in range(1, 1 + last_to_forget(ages, days=days, sagas=sagas)):
        is_old = bool(days) and ages[place - 1] > days
        is_too_many = bool(sagas) and len(ages) - place >= sagas
        assert is_old or is_too_many


@given(AGES, DAYS, SAGAS)
def test_of_those_that_are_kept_the_first_one_is_neither(ages: list[float], days: int, sagas: int) -> None:
    last = last_to_forget(ages, days=days, sagas=sagas)
    if last < len(ages):
        assert not days or ages[last] <= days
        assert not sagas or len(ages) - last <= sagas


@given(AGES, SAGAS.filter(bool))
def test_no_more_are_kept_than_were_asked_for(ages: list[float], sagas: int) -> None:
    assert len(ages) - last_to_forget(ages, days=0, sagas=sagas) == min(len(ages), sagas)


@given(AGES)
def test_nothing_is_forgotten_where_all_is_to_be_kept(ages: list[float]) -> None:
    assert last_to_forget(ages, days=0, sagas=0) == 0
    assert Policy(0, 0).keeps_all


def test_places_are_counted_from_where_others_were_forgotten_before() -> None:
    assert last_to_forget([1, 1, 1, 1], days=7, sagas=3, first=101) == 101
    assert last_to_forget([9, 8, 1, 9], days=7, sagas=0, first=101) == 102
