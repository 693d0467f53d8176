"""One process leads at a time, by the clock of the database; another takes over when it is silent, or gives up."""

from datetime import timedelta

import pytest
from django.db.models import F

from dashboard import models
from dashboard.backstage.lease import LEADER, VALID_FOR, Lease, holder_now

pytestmark = pytest.mark.django_db


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def one() -> Lease:
    return Lease("one", clock=Clock())


@pytest.fixture
def other() -> Lease:
    return Lease("other", clock=Clock())


def leads(lease: Lease) -> bool:
    """Does it lead, having asked?"""
    lease.run_once()
    return lease.is_held()


def let_pass(time: timedelta) -> None:
    models.Lease.objects.update(until=F("until") - time)


def test_who_asks_first_leads(one: Lease, other: Lease) -> None:
    assert [leads(one), leads(other)] == [True, False]
    assert (one.is_held(), other.is_held(), holder_now()) == (True, False, "one")


def test_nobody_leads_who_has_not_asked(one: Lease) -> None:
    assert (one.is_held(), holder_now()) == (False, "")


def test_who_leads_goes_on_leading_as_long_as_it_asks(one: Lease, other: Lease) -> None:
    for _ in range(5):
        assert leads(one)
        let_pass(VALID_FOR / 2)
        assert not leads(other)


def test_another_takes_over_from_one_that_is_silent(one: Lease, other: Lease) -> None:
    one.run_once()
    let_pass(VALID_FOR)
    assert leads(other)
    assert holder_now() == "other"


def test_one_that_was_paused_knows_that_it_leads_no_more_before_it_asks() -> None:
    clock = Clock()
    paused = Lease("paused", clock=clock)
    paused.run_once()
    clock.now += VALID_FOR.total_seconds()
    assert not paused.is_held()


def test_one_that_comes_back_does_not_take_the_lead_again(one: Lease, other: Lease) -> None:
    one.run_once()
    let_pass(VALID_FOR)
    other.run_once()
    assert not leads(one)


def test_what_is_given_back_is_taken_at_once(one: Lease, other: Lease) -> None:
    one.run_once()
    one.give_back()
    assert (one.is_held(), holder_now()) == (False, "")
    assert leads(other)


def test_what_another_holds_is_not_given_back(one: Lease, other: Lease) -> None:
    one.run_once()
    other.give_back()
    assert holder_now() == "one"


def test_a_clock_that_is_set_back_keeps_nobody_from_taking_over(one: Lease, other: Lease) -> None:
    one.run_once()
    let_pass(-timedelta(hours=1))
    assert leads(other)
    let_pass(VALID_FOR)
    assert leads(one)


def test_there_is_one_lease_however_many_ask(one: Lease, other: Lease) -> None:
    for asker in (one, other, Lease("third")):
        asker.run_once()
    assert [found.name for found in models.Lease.objects.all()] == [LEADER]


def test_one_leads_again_in_a_database_that_took_the_place_of_another(one: Lease, other: Lease) -> None:
    assert (leads(one), leads(other)) == (True, False)
    models.Lease.objects.all().delete()
    leads(one)
    assert (leads(other), leads(one)) == (True, False)
