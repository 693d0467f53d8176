"""How long a loop waits after trouble, and where nothing is left to do."""

import threading

import pytest

from saga.errors import BrokerUnavailable
from tests.eventually import eventually
from tests.support.services.looped import Opener, Worker, failing_with
from workshop import loop as loop_module
from workshop.loop import Loop


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


@pytest.fixture(autouse=True)
def _delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "FIRST_DELAY_S", 0.25)
    monkeypatch.setattr(loop_module, "LONGEST_DELAY_S", 5.0)


def test_the_waits_between_failures_double_up_to_the_longest() -> None:
    loop = Loop("test", Opener(*[BrokerUnavailable("gone")] * 7))
    loop._stop = waits = Waits(7)
    loop.start().join()
    assert waits.seconds == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


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
