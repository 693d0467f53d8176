"""The loop runs a worker until told to stop, and after any trouble closes it and opens another."""

import threading

import pytest
from django.db import OperationalError

from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from tests.support.services.looped import Opener, Worker, failing_with, running
from workshop import loop as loop_module
from workshop.loop import Loop

TROUBLES = [BrokerUnavailable("gone"), OperationalError("database is locked"), OSError("disk full"), KeyError("a bug")]


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_DELAY_S", "LONGEST_DELAY_S", "STOPPED_CHECK_S"):
        monkeypatch.setattr(loop_module, name, 0.001)


def test_a_worker_runs_until_the_loop_is_stopped_and_is_closed_then() -> None:
    opener = Opener()
    loop = Loop("test", opener)
    with running(loop):
        eventually(lambda: opener.runs_number(1) and opener.opened[0].cycles > 3)
        assert (loop.state, loop.part) == ("running", opener.opened[0])
        assert not opener.opened[0].closed
    assert (loop.state, loop.part, opener.opened[0].closed) == ("stopped", None, True)


def test_after_each_cycle_that_went_well_whoever_asked_for_it_is_called() -> None:
    called: list[int] = []
    opener = Opener(Worker(failing_with(OSError("disk full"))))
    loop = Loop("test", opener, after_cycle=lambda: called.append(opener.opened[-1].cycles))
    with running(loop):
        eventually(lambda: len(called) > 2)
    assert (opener.opened[0].cycles, called[:3]) == (0, [1, 2, 3])


def test_a_part_is_opened_without_connections_that_have_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(loop_module, "close_old_connections", lambda: done.append("closed"))

    def open_part(stop: threading.Event) -> Worker:
        done.append("opened")
        return Worker()

    with running(Loop("test", open_part)):
        eventually(lambda: "opened" in done)
    assert done == ["closed", "opened"]


def test_a_loop_that_has_ended_leaves_no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    opener = Opener()
    monkeypatch.setattr(loop_module.connections, "close_all", lambda: done.append("database"))
    loop = Loop("test", opener, at_end=lambda: done.append(f"bus, after the part: {opener.opened[0].closed}"))
    with running(loop):
        eventually(lambda: opener.runs_number(1))
    assert done == ["bus, after the part: True", "database"]


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


def test_a_trouble_that_takes_many_words_is_told_in_some(caplog: pytest.LogCaptureFixture) -> None:
    opener = Opener(BrokerUnavailable("gone " * 1_000))
    with running(Loop("test", opener)):
        eventually(lambda: opener.runs_number(1))
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) < loop_module.LONGEST_DETAIL + 100


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
