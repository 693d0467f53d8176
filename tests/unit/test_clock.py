"""Hosts may disagree about the time; whoever asks the same server does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from pytest_django import DjangoAssertNumQueries

from consumers.clock import ServerClock
from dashboard.readmodel import board, clock
from saga.times import ASK_EVERY_S, BorrowedClock, rfc3339
from tests.support.dashboard.factories import accept, life_of, say

HERE = datetime(2026, 1, 1, 11, tzinfo=UTC)
THERE = datetime(2026, 1, 1, 12, tzinfo=UTC)
MOMENT = timedelta(minutes=1)


class Distant:
    """A clock far away, and the way there. Each look takes two seconds: half of it passes before the answer is made."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.looks = 0
        self.shows: datetime | None = THERE
        self.borrowed = BorrowedClock(self._ask, own=lambda: HERE, monotonic=lambda: self.seconds)

    def _ask(self) -> datetime | None:
        self.looks += 1
        self.seconds += 2
        return self.shows


@pytest.fixture
def distant() -> Distant:
    return Distant()


def test_before_anybody_was_asked_the_time_is_the_hosts(distant: Distant) -> None:
    assert distant.borrowed.now() == HERE


def test_where_there_is_nobody_to_ask_the_time_is_the_hosts(distant: Distant) -> None:
    distant.shows = None
    distant.borrowed.look()
    assert distant.borrowed.now() == HERE


def test_between_two_looks_seconds_are_counted_by_the_clock_that_never_jumps(distant: Distant) -> None:
    distant.borrowed.look()
    distant.seconds += 30
    assert distant.borrowed.now() == THERE + timedelta(seconds=1 + 30)


def test_nobody_is_asked_again_at_once(distant: Distant) -> None:
    for _ in range(3):
        distant.borrowed.look()
    assert distant.looks == 1


def test_after_a_while_it_is_asked_again(distant: Distant) -> None:
    distant.borrowed.look()
    distant.seconds += ASK_EVERY_S
    distant.shows = THERE + timedelta(hours=1)
    distant.borrowed.look()
    assert distant.borrowed.now() == THERE + timedelta(hours=1, seconds=1)


def test_a_look_that_fails_is_told_and_made_again(distant: Distant) -> None:
    def fail() -> datetime:
        raise ConnectionError

    unlucky = BorrowedClock(fail, own=lambda: HERE, monotonic=lambda: distant.seconds)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            unlucky.look()


class TestOfADatabase:
    """The server's time where there is one, and the host's elsewhere: here both are right, and only asking differs."""

    pytestmark = pytest.mark.django_db(databases=["default", "provisioner"])

    @pytest.fixture(autouse=True)
    def not_asked_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fresh = BorrowedClock(clock._ask, own=clock._own, monotonic=clock.time.monotonic)
        monkeypatch.setattr(clock, "_SERVER", fresh)

    def test_a_service_asks_its_ledger_once(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        known = ServerClock("provisioner")
        with django_assert_num_queries(int(has_server("provisioner")), using="provisioner"):
            known.look()
            known.look()
        assert is_close(known.now(), datetime.now(UTC))

    def test_the_dashboard_asks_its_read_model_once(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_num_queries(int(has_server("default"))):
            clock.look()
            clock.look()
        assert is_close(clock.utc_now(), datetime.now(UTC))

    def test_a_service_can_tell_what_time_it_will_be(self) -> None:
        assert is_close(ServerClock("provisioner").now(in_s=3600), datetime.now(UTC) + timedelta(hours=1))


ACTS: dict[str, Callable[[], object]] = {
    "sagas are accepted": accept,
    "what was said is projected": lambda: say(life_of("known")[0]),
    "the board is shown": lambda: board.snapshot(trace=True),
    "what changed is told": lambda: board.changes(after=-1, limit=1),
}


@pytest.mark.django_db
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_time_it_is_is_asked_before(
    act: Callable[[], object], distant: Distant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_SERVER", distant.borrowed)
    act()
    assert distant.looks == 1


def has_server(alias: str) -> bool:
    return connections[alias].vendor == "postgresql"


def is_close(shown: str, moment: datetime) -> bool:
    return rfc3339(moment - MOMENT) < shown < rfc3339(moment + MOMENT)
