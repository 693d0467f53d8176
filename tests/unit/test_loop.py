"""The loop runs a worker until told to stop, and after any trouble closes it and opens another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError

from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from workshop import loop as loop_module
from workshop.loop import Loop

TROUBLES = [BrokerUnavailable("gone"), OperationalError("database is locked"), OSError("disk full"), KeyError("a bug")]


class Worker:
    """Does what it is told to in each cycle, else waits a little."""

    def __init__(self, cycle: Callable[[], object] = lambda: None, *, is_busy: bool = False) -> None:
        self.is_busy = is_busy
        self.cycles = 0
        self.closed = False
        self._cycle = cycle

    def run_once(self) -> bool:
        self._cycle()
        self.cycles += 1
        threading.Event().wait(0.001)
        return self.is_busy

    def close(self) -> None:
        self.closed = True


def failing_with(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


class Opener:
    """Opens the workers that it was given, one after the other, and then ordinary ones."""

    def __init__(self, *first: Worker | Exception) -> None:
        self.opened: list[Worker] = []
        self._first = list(first)

    def __call__(self, stop: threading.Event) -> Worker:
        following = self._first.pop(0) if self._first else Worker()
        if isinstance(following, Exception):
            raise following
        self.opened.append(following)
        return following

    def runs_number(self, number: int) -> bool:
        return len(self.opened) == number and self.opened[-1].cycles > 0


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_DELAY_S", "LONGEST_DELAY_S", "STOPPED_CHECK_S"):
        monkeypatch.setattr(loop_module, name, 0.001)


@contextmanager
def running(loop: Loop[Worker]) -> Iterator[None]:
    thread = loop.start()
    try:
        yield
    finally:
        loop.stop()
        thread.join()


def test_a_worker_runs_until_the_loop_is_stopped_and_is_closed_then() -> None:
    opener = Opener()
    loop = Loop("test", opener)
    with running(loop):
        eventually(lambda: opener.runs_number(1) and opener.opened[0].cycles > 3)
        assert (loop.state, loop.part) == ("running", opener.opened[0])
        assert not opener.opened[0].closed
    assert (loop.state, loop.part, opener.opened[0].closed) == ("stopped", None, True)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_after_any_trouble_the_worker_is_closed_and_another_opened(trouble: Exception) -> None:
    opener = Opener(Worker(failing_with(trouble)))
    with running(Loop("test", opener)):
        eventually(lambda: opener.runs_number(2))
        assert opener.opened[0].closed


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_what_cannot_be_opened_is_tried_again(trouble: Exception) -> None:
    opener = Opener(trouble, trouble)
    with running(Loop("test", opener)):
        eventually(lambda: opener.runs_number(1))


def test_a_worker_that_failed_is_closed_knowing_that() -> None:
    """Then it need not try to say any more."""
    closed: list[tuple[str, str]] = []
    worker = Worker(failing_with(BrokerUnavailable("gone")))
    opener = Opener(worker)
    loop = Loop("test", opener)
    worker.close = lambda: closed.append((loop.state, loop.detail))  # type: ignore[method-assign]
    with running(loop):
        eventually(lambda: opener.runs_number(2))
    assert closed == [("failing", "BrokerUnavailable: gone")]


def test_trouble_with_closing_is_survived_too() -> None:
    worker = Worker(failing_with(BrokerUnavailable("gone")))
    worker.close = failing_with(OSError("cannot close"))  # type: ignore[method-assign]
    opener = Opener(worker)
    with running(Loop("test", opener)):
        eventually(lambda: opener.runs_number(2))


def test_a_worker_whose_broker_moved_is_closed_and_another_opened() -> None:
    opener = Opener()
    loop = Loop("test", opener, is_stale=lambda: len(opener.opened) == 1 and opener.opened[0].cycles > 0)
    with running(loop):
        eventually(lambda: opener.runs_number(2))
        assert opener.opened[0].closed


def test_trouble_is_told_until_a_cycle_succeeds() -> None:
    proceed = threading.Event()
    opener = Opener(BrokerUnavailable("nobody listens"), Worker(proceed.wait))
    loop = Loop("test", opener)
    with running(loop):
        eventually(lambda: loop.part)
        assert (loop.state, loop.detail) == ("failing", "BrokerUnavailable: nobody listens")
        proceed.set()
        eventually(lambda: loop.state == "running")
        assert loop.detail == ""


class Waits(threading.Event):
    """Writes down how long it should have waited, and is set after so many times."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._count = count

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        if len(self.seconds) == self._count:
            self.set()
        return self.is_set()


@pytest.fixture
def real_delays(monkeypatch: pytest.MonkeyPatch, _no_long_waits: None) -> None:
    monkeypatch.setattr(loop_module, "FIRST_DELAY_S", 0.25)
    monkeypatch.setattr(loop_module, "LONGEST_DELAY_S", 5.0)


@pytest.mark.usefixtures("real_delays")
def test_the_waits_between_failures_double_up_to_the_longest() -> None:
    loop = Loop("test", Opener(*[BrokerUnavailable("gone")] * 7))
    loop._stop = waits = Waits(7)
    loop.start().join()
    assert waits.seconds == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_trouble_that_takes_many_words_is_told_in_some(caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop("test", Opener(BrokerUnavailable("gone " * 1_000)))
    loop._stop = Waits(1)
    loop.start().join()
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) < loop_module.LONGEST_DETAIL + 100


@pytest.mark.usefixtures("real_delays")
def test_after_a_cycle_that_succeeded_the_waits_begin_anew() -> None:
    gone = BrokerUnavailable("gone")
    cycles = iter([lambda: None, failing_with(gone)])
    loop = Loop("test", Opener(gone, gone, Worker(lambda: next(cycles)(), is_busy=True)))
    loop._stop = waits = Waits(3)
    loop.start().join()
    assert waits.seconds == [0.25, 0.5, 0.25]


@pytest.mark.parametrize(("is_busy", "rests"), [(False, [30.0] * 3), (True, [])], ids=["nothing to do", "more to do"])
def test_it_rests_after_a_cycle_that_left_nothing_to_do(is_busy: bool, rests: list[float]) -> None:
    loop = Loop("test", Opener(Worker(is_busy=is_busy)), rest_s=30.0)
    loop._stop = waits = Waits(3)
    thread = loop.start()
    eventually(lambda: waits.is_set() or (loop.part and loop.part.cycles > 3))
    assert waits.seconds == rests
    loop.stop()
    thread.join()


def test_nothing_is_opened_while_it_may_not_run() -> None:
    looked: list[None] = []
    opener = Opener()
    loop = Loop("test", opener, may_run=lambda: bool(looked.append(None)))
    with running(loop):
        eventually(lambda: len(looked) > 3)
        assert (loop.state, opener.opened) == ("stopped", [])


def test_a_worker_that_may_no_longer_run_is_closed_and_opened_again_when_it_may() -> None:
    opener, may_run = Opener(), threading.Event()
    may_run.set()
    loop = Loop("test", opener, may_run=may_run.is_set)
    with running(loop):
        eventually(lambda: opener.runs_number(1))
        may_run.clear()
        eventually(lambda: loop.state == "stopped")
        assert (opener.opened[0].closed, len(opener.opened)) == (True, 1)
        may_run.set()
        eventually(lambda: opener.runs_number(2))


def test_whoever_waits_to_be_opened_hears_that_the_loop_stops() -> None:
    waiting = threading.Event()

    def wait_for_a_broker_that_never_comes(stop: threading.Event) -> None:
        waiting.set()
        stop.wait()

    loop: Loop[Worker] = Loop("test", wait_for_a_broker_that_never_comes)
    with running(loop):
        eventually(waiting.is_set)
    assert loop.state == "stopped"


def test_trouble_is_in_the_log_before_the_loop_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop_module, "FIRST_DELAY_S", 60.0)
    monkeypatch.setattr(loop_module, "LONGEST_DELAY_S", 60.0)
    with running(Loop("test", Opener(BrokerUnavailable("gone")))):
        eventually(lambda: "test: BrokerUnavailable: gone; trying again" in caplog.text)
