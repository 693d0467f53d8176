"""What holds on SQLite files holds on PostgreSQL: the tests of whatever writes SQL, or foreign text, run there too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.utils import ConnectionHandler

from saga.topics import SERVICES
from tests.environment import without_settings
from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.system.stack import CannotStart, create_ledgers, postgres_server
from workshop.config import ROOT, Config
from workshop.databases import databases as databases_of

TESTS = Path(__file__).parents[1]
FILES = (
    "unit/test_clock.py",
    "unit/test_ledger.py",
    "unit/test_log_store.py",
    "unit/test_retrying.py",
    "integration/test_backstage_reports.py",
    "integration/test_changes.py",
    "integration/test_deadlines.py",
    "integration/test_herald.py",
    "integration/test_invariants_live.py",
    "integration/test_lease.py",
    "integration/test_monitor.py",
    "integration/test_places.py",
    "integration/test_projection.py",
    "integration/test_projector_refusals.py",
    "integration/test_relay.py",
    "integration/test_relay_feeds_again.py",
    "integration/test_relay_wishes.py",
    "integration/test_retained.py",
    "integration/test_retention.py",
    "integration/test_retention_succession.py",
)
pytestmark = pytest.mark.timeout(600)  # it is a suite in itself


@pytest.fixture
def databases() -> Iterator[dict[str, str]]:
    try:
        with postgres_server() as settings:
            yield settings
    except CannotStart as reason:
        give_up(reason)


def test_what_holds_on_files_holds_on_postgresql(databases: dict[str, str], tmp_path: Path) -> None:
    # Which database Django uses is decided once in a process, so this takes another one.
    left_out = ("-pno:cacheprovider", "-pno:xdist", "-pno:tests.environment")
    pytest_there = (sys.executable, "-m", "pytest", "-q", *left_out)
    settings = {"VAR_DIR": str(tmp_path), **databases}
    command = (*pytest_there, *(str(TESTS / file) for file in FILES))
    done = subprocess.run(command, cwd=ROOT, env=without_settings() | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


def test_a_ledger_that_nobody_created_is_one_line_with_a_way_out(databases: dict[str, str], tmp_path: Path) -> None:
    elsewhere = databases["LEDGER_DATABASE_URL"].replace("ledger_", "nowhere_")
    settings = databases | {"LEDGER_DATABASE_URL": elsewhere, "VAR_DIR": str(tmp_path)}
    migrate = (sys.executable, "manage.py", "migrate_all")
    ended = subprocess.run(migrate, cwd=ROOT, env=without_settings() | settings, capture_output=True, text=True)
    [line] = ended.stderr.splitlines()
    assert "The ledger of provisioner cannot be reached: " in line
    assert "create-ledgers.sh" in line


def test_ledgers_that_are_missing_are_created_beside_the_others(databases: dict[str, str]) -> None:
    with psycopg.connect(databases["DATABASE_URL"], autocommit=True) as there:
        there.execute("DROP DATABASE ledger_car")
        create_ledgers(there.info.port)
        found = there.execute("SELECT datname FROM pg_database WHERE datname LIKE 'ledger_%'").fetchall()
    assert {name for (name,) in found} == {f"ledger_{service}" for service in SERVICES}


def test_whoever_is_paused_inside_a_transaction_holds_up_nobody_for_good(databases: dict[str, str]) -> None:
    place = databases_of(Config(**{name.lower(): url for name, url in databases.items()}))["car"]
    where = {"dbname": place["NAME"], "host": place["HOST"], "port": place["PORT"], "user": place["USER"]}
    with psycopg.connect(**where, **place["OPTIONS"]) as paused, psycopg.connect(**where, **place["OPTIONS"]) as other:
        paused.execute("CREATE TABLE board ()")
        paused.commit()
        paused.execute("LOCK board")

        def takes_the_lock() -> bool:
            try:
                other.execute("LOCK board NOWAIT")
            except psycopg.errors.LockNotAvailable:
                other.rollback()
                return False
            return True

        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("LOCK board")
        other.rollback()
        eventually(takes_the_lock, within_s=20)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            paused.execute("SELECT 1")


def test_a_statement_for_many_rows_is_planned_once(databases: dict[str, str], django_db_blocker: Any) -> None:
    place = databases_of(Config(**{name.lower(): url for name, url in databases.items()}))["car"]
    with (
        django_db_blocker.unblock(),
        closing(ConnectionHandler({"default": place})["default"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TEMPORARY TABLE car (number bigint, colour text)")
        cursor.executemany("INSERT INTO car VALUES (%s, %s)", [(number, "red") for number in range(100)])
        assert cursor.rowcount == 100
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        assert cursor.fetchall() == [("INSERT INTO car VALUES ($1, $2)", 100)]
