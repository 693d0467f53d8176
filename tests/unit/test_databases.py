"""Where the read model and the ledgers are, by the settings."""

import re
from pathlib import Path

import pytest

from saga.topics import SERVICES
from workshop.config import Config
from workshop.databases import databases

READ_MODEL = "postgresql://me:p%40ss@db:5433/dashboard?sslmode=require"
LEDGERS = "postgresql://me@db/ledger_{service}"


def test_without_a_setting_each_is_a_file_of_its_own() -> None:
    names = {Path(one["NAME"]).name for one in databases(Config()).values()}
    assert names == {"dashboard.sqlite3", *(f"ledger-{service}.sqlite3" for service in SERVICES)}


def test_what_is_written_into_a_file_outlives_a_power_cut() -> None:
    assert all("PRAGMA synchronous=FULL" in one["OPTIONS"]["init_command"] for one in databases(Config()).values())


def test_who_reads_a_file_does_not_wait_for_who_writes_to_it() -> None:
    assert all("PRAGMA journal_mode=WAL" in one["OPTIONS"]["init_command"] for one in databases(Config()).values())


def test_a_url_says_everything_about_the_read_model() -> None:
    found = databases(Config(database_url=READ_MODEL))["default"]
    place = (found["HOST"], found["PORT"], found["NAME"], found["USER"], found["PASSWORD"])
    assert place == ("db", "5433", "dashboard", "me", "p@ss")
    assert found["OPTIONS"]["sslmode"] == "require"


def test_a_host_that_vanishes_is_noticed_within_half_a_minute() -> None:
    options = databases(Config(ledger_database_url=LEDGERS))["car"]["OPTIONS"]
    noticed_s = options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    assert max(noticed_s, options["tcp_user_timeout"] / 1000) <= 30


def test_nobody_waits_long_for_who_is_paused_inside_a_transaction() -> None:
    for found in databases(Config(database_url=READ_MODEL, ledger_database_url=LEDGERS)).values():
        limits = re.findall(r"-c (\w+)=[1-5]s", found["OPTIONS"]["options"])
        assert set(limits) == {"lock_timeout", "idle_in_transaction_session_timeout"}


def test_requests_share_connections_that_work_and_a_service_has_one_of_its_own() -> None:
    found = databases(Config(database_url=READ_MODEL, ledger_database_url=LEDGERS))
    assert [name for name, one in found.items() if "pool" in one["OPTIONS"]] == ["default"]
    assert all(one["CONN_HEALTH_CHECKS"] for one in found.values())


def test_a_url_says_how_soon_a_host_is_given_up() -> None:
    found = databases(Config(database_url=f"{READ_MODEL}&keepalives_idle=60&tcp_user_timeout=90000"))["default"]
    assert (found["OPTIONS"]["keepalives_idle"], found["OPTIONS"]["tcp_user_timeout"]) == ("60", "90000")


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_a_database_of_its_own(service: str) -> None:
    assert databases(Config(ledger_database_url=LEDGERS))[service]["NAME"] == f"ledger_{service}"


def test_a_service_may_have_its_ledger_on_a_server_of_its_own() -> None:
    car = databases(Config(ledger_database_url="postgresql://{service}@db-{service}:5433/ledger"))["car"]
    assert (car["HOST"], car["PORT"], car["NAME"], car["USER"]) == ("db-car", "5433", "ledger", "car")


def test_a_service_may_have_an_address_of_its_own_beside_those_that_share_one() -> None:
    cars = "postgresql://driver:keys@garage/car"
    found = databases(Config(ledger_database_url=LEDGERS, ledger_database_urls={"car": cars}))
    assert (found["car"]["HOST"], found["car"]["USER"], found["car"]["PASSWORD"]) == ("garage", "driver", "keys")
    assert found["hotel"]["NAME"] == "ledger_hotel"


def test_a_password_that_the_url_lacks_comes_from_its_own_setting() -> None:
    found = databases(Config(database_url=READ_MODEL, ledger_database_url=LEDGERS, database_password="open sesame"))
    assert (found["default"]["PASSWORD"], found["car"]["PASSWORD"]) == ("p@ss", "open sesame")
