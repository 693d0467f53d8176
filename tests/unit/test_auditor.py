"""A class that has the invariants open makes the auditor look once for all of them, and nobody is told old news."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from dashboard.auditor.invariants import Auditor
from tests.eventually import eventually

PATIENCE_S = 20.0
TROUBLE = RuntimeError("the database does not answer")


class Turn:
    """A lock that knows how many have asked for it."""

    def __init__(self) -> None:
        self.asked = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.asked += 1
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class SlowAuditor(Auditor):
    """Each look takes until it is told what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = self.turn = Turn()
        self.looking: list[Future[dict[str, Any]]] = []

    def _look(self) -> dict[str, Any]:
        self.looking.append(Future())
        return self.looking[-1].result(timeout=PATIENCE_S)


@pytest.fixture
def auditor() -> SlowAuditor:
    return SlowAuditor()


@pytest.fixture
def asked(auditor: SlowAuditor) -> Iterator[list[Future[dict[str, Any]]]]:
    """Three who ask: one, and two others while the auditor looks for the first."""
    with ThreadPoolExecutor() as threads:
        first = threads.submit(auditor.report)
        eventually(lambda: auditor.looking, within_s=PATIENCE_S)
        others = [threads.submit(auditor.report) for _ in range(2)]
        eventually(lambda: auditor.turn.asked == 3, within_s=PATIENCE_S)
        yield [first, *others]


def look(auditor: SlowAuditor, number: int) -> Future[dict[str, Any]]:
    """Return the look with this number, once it has begun."""
    eventually(lambda: len(auditor.looking) == number, within_s=PATIENCE_S)
    return auditor.looking[-1]


def test_who_asks_meanwhile_shares_the_next_look(auditor: SlowAuditor, asked: list[Future[dict[str, Any]]]) -> None:
    for number in (1, 2):
        look(auditor, number).set_result({"look": number})
    assert [one.result(PATIENCE_S)["look"] for one in asked] == [1, 2, 2]


def test_a_look_that_fails_is_shared_by_nobody(auditor: SlowAuditor, asked: list[Future[dict[str, Any]]]) -> None:
    look(auditor, 1).set_result({"look": 1})
    look(auditor, 2).set_exception(TROUBLE)
    look(auditor, 3).set_result({"look": 3})
    assert {one.exception(PATIENCE_S) or one.result()["look"] for one in asked} == {1, TROUBLE, 3}
