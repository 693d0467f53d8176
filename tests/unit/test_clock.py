"""Hosts may disagree about the time; whoever asks the same database server does not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from consumers import clock
from consumers.clock import ServerClock
from saga.times import rfc3339

pytestmark = pytest.mark.django_db(databases=["provisioner"])

HOUR = timedelta(hours=1)
MOMENT = timedelta(minutes=1)


@pytest.fixture
def host_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host believes that it is an hour earlier."""

    class Behind(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) - HOUR

    monkeypatch.setattr(clock, "datetime", Behind)


def is_close(shown: str, moment: datetime) -> bool:
    return rfc3339(moment - MOMENT) < shown < rfc3339(moment + MOMENT)


def test_the_time_is_the_servers_where_there_is_one_and_the_hosts_elsewhere(host_behind: None) -> None:
    known = ServerClock("provisioner")
    known.look()
    has_server = connections["provisioner"].vendor == "postgresql"
    assert is_close(known.now(), datetime.now(UTC) if has_server else datetime.now(UTC) - HOUR)


def test_before_anybody_was_asked_the_time_is_the_hosts(host_behind: None) -> None:
    assert is_close(ServerClock("provisioner").now(), datetime.now(UTC) - HOUR)


def test_between_two_questions_seconds_are_counted_by_the_clock_that_never_jumps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = ServerClock("provisioner")
    monkeypatch.setattr(known, "_shown", (datetime(2026, 1, 1, tzinfo=UTC), 100.0))
    monkeypatch.setattr(known, "monotonic", lambda: 130.0)
    assert known.now(in_s=5) == "2026-01-01T00:00:35.000000Z"


def test_the_server_is_not_asked_again_and_again(django_assert_num_queries: object) -> None:
    known = ServerClock("provisioner")
    known.look()
    with django_assert_num_queries(0, using="provisioner"):
        known.look()
