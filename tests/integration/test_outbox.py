"""An accepted saga is written down before anything else: all of them or none."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from dashboard.errors import NotAccepted
from dashboard.models import Board, Saga
from dashboard.readmodel import outbox
from dashboard.readmodel.people import DEPARTMENTS
from saga.definitions import CHOREOGRAPHY, DEFINITIONS, ONBOARDING
from saga.messages import User
from tests.support.dashboard.factories import ADA, accept, counters

pytestmark = pytest.mark.django_db


def fail_on(word: str) -> Any:
    """Let statements that begin with `word` fail, as on a full disk."""

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(word):
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrapper)


def test_an_accepted_saga_is_written_down_and_waits_to_be_sent() -> None:
    [saga_id] = accept()
    saga = Saga.objects.get()
    assert (saga.saga_id, saga.status, saga.fed_offset) == (saga_id, "running", None)


def test_sagas_are_numbered_in_the_order_in_which_they_were_accepted() -> None:
    ids = [*accept(2), *accept(3)]
    assert list(Saga.objects.order_by("number").values_list("saga_id", "number")) == list(zip(ids, range(1, 6)))  # noqa: B905


def test_named_users_get_a_saga_each_in_their_order() -> None:
    alan = User(name="Alan Turing", department="Data")
    outbox.accept(ONBOARDING, style=CHOREOGRAPHY, users=[ADA, alan])
    assert list(Saga.objects.order_by("number").values_list("user_name", "department")) == [
        ("Ada Lovelace", "Engineering"),
        ("Alan Turing", "Data"),
    ]


def test_made_up_users_go_on_where_the_last_ones_ended() -> None:
    accept(3)
    accept(3)
    assert len(set(Saga.objects.values_list("user_name", flat=True))) == 6
    assert set(Saga.objects.values_list("department", flat=True)) <= set(DEPARTMENTS)


@pytest.mark.parametrize("statement", ["INSERT", "UPDATE", "SELECT"])
def test_what_cannot_be_written_down_whole_leaves_nothing(statement: str) -> None:
    accept(2)
    before = counters(), Board.current().seq
    with fail_on(statement), pytest.raises(NotAccepted, match=r"nothing was started.*disk is full"):
        accept(3)
    assert (counters(), Board.current().seq) == before
    assert Saga.objects.count() == 2


def test_the_relay_is_told_only_of_what_was_written_down() -> None:
    outbox.news.clear()
    with fail_on("INSERT"), pytest.raises(NotAccepted):
        accept()
    assert not outbox.news.is_set()
    accept()
    assert outbox.news.is_set()


def test_ten_thousand_at_once_are_accepted_whole() -> None:
    ids = accept(10_000)
    assert len(set(ids)) == Saga.objects.count() == counters()["accepted"] == 10_000
    assert Board.current().seq == 10_000


LISTS = {
    "to be sent": (lambda: Saga.objects.unfed(), "saga_unfed"),
    "under way": (lambda: Saga.objects.under_way(), "saga_under_way"),
}


@pytest.mark.parametrize(("sagas", "index"), LISTS.values(), ids=LISTS)
def test_however_many_wait_those_that_are_sought_are_found_in_order(sagas: Callable[[], Any], index: str) -> None:
    if connection.vendor == "postgresql":  # it would rather read and sort the few that are here
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    plan = sagas().filter(scenario__in=DEFINITIONS).order_by("number").only("number", "state").explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan
