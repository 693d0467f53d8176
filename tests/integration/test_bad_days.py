"""When the database is locked, full or gone, the answer says so, and nothing is half done."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from saga.topics import SERVICES
from tests.support.dashboard.refusals import JSON, browser, nothing_begun, reason_of, token

in_database = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_begun(client: Client) -> Iterator[None]:
    with nothing_begun(client):
        yield


CHANGING = [
    ("post", "/api/sagas", {"count": 3}),
    ("patch", "/api/services/notifier", {"running": False}),
    ("post", "/api/services/notifier/kill", {}),
    ("post", "/api/sagas/known/retry", {}),
    ("post", "/api/sagas/known/roll-back", {}),
    ("post", "/api/sagas/known/resolution", {"step": "notify"}),
    ("post", "/api/dead-letters/1/replay", {}),
    ("delete", "/api/faults", {}),
]
in_real_transactions = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@contextmanager
def locked_database() -> Iterator[None]:
    """Let another connection write for as long as this lasts."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@in_real_transactions
@pytest.mark.parametrize(("method", "address", "body"), CHANGING, ids=[address for _, address, _ in CHANGING])
def test_a_locked_database_is_told_and_nothing_is_half_done(
    client: Client, method: str, address: str, body: Any
) -> None:
    with locked_database():
        answer = getattr(client, method)(address, body, content_type=JSON)
    assert re.search("could not be written down.*: database is locked", reason_of(answer, 503))


@in_real_transactions
@pytest.mark.parametrize(("address", "fields"), [("/onboard/", {"count": "3"}), ("/roster/", {"text": "Ada,Data"})])
def test_a_form_too_is_told_that_the_database_is_locked(address: str, fields: dict[str, str]) -> None:
    page = browser()
    with locked_database():
        answer = page.post(address, {**fields, **token(page)})
    assert "nothing was started: database is locked" in reason_of(answer, 503)


@in_real_transactions
def test_while_one_writes_others_read(client: Client) -> None:
    with locked_database():
        assert len(client.get("/api/services").json()["services"]) == len(SERVICES)


@contextmanager
def failing_database(first_word: str = "") -> Iterator[None]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(first_word):
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


@in_database
@pytest.mark.parametrize("statement", ["SELECT", "INSERT", "UPDATE"])
def test_a_database_that_fails_half_way_leaves_nothing(client: Client, statement: str) -> None:
    with failing_database(statement):
        answer = client.post("/api/sagas", {"count": 1200}, content_type=JSON)
    assert "nothing was started: database or disk is full" in reason_of(answer, 503)


READING = ["/api/sagas", "/api/sagas/x", "/api/services", "/api/dead-letters", "/api/invariants"]


@pytest.mark.django_db(databases=["default", *SERVICES])
@pytest.mark.parametrize("address", READING)
def test_a_database_that_cannot_be_read_is_told(client: Client, address: str) -> None:
    with failing_database():
        answer = client.get(address)
    assert "database or disk is full" in reason_of(answer, 503)
