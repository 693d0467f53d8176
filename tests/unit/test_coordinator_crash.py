"""Kill the coordinator anywhere, start two, or drive a saga on: every saga goes on from the log."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from consumers.log_store import SagaLogStore
from saga import saga_log
from saga.definitions import COORDINATOR
from saga.messages import Action, Outcome, SagaMessage, StepFault
from saga.saga_log import LogEntry
from saga.steering import FaultRules
from tests.support.sagas.factories import reply
from tests.support.services.fuse import INSTANTS, Crash
from tests.support.services.orchestrated import ALL, BOOKINGS, FULL, log, see_through, standing, start
from tests.support.services.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=ALL)


class TestCrash:
    @pytest.mark.parametrize("instant", INSTANTS)
    @pytest.mark.parametrize("cycle", range(4))
    def test_killed_at_any_instant_of_any_cycle_another_one_goes_on(
        self, bench: Workbench, cycle: int, instant: str
    ) -> None:
        bench.send(start(faults=FULL))
        bookings = [bench.worker(name) for name in BOOKINGS]
        for _ in range(cycle):
            bench.work(COORDINATOR)
            bench.run(*bookings)
        crash_or_finish(bench, instant)
        bench.run(bench.worker(COORDINATOR), *bookings)
        assert (bench.state().status, standing()) == ("compensated", {"car": "undone", "hotel": "failed"})
        assert marks(log()) == marks(undisturbed())
        assert bench.backlog(COORDINATOR) == 0

    @pytest.mark.parametrize("instant", INSTANTS)
    def test_what_was_commanded_before_a_crash_is_commanded_again_under_the_same_id(
        self, bench: Workbench, instant: str
    ) -> None:
        bench.send(start())
        bench.crash(bench.worker(COORDINATOR), instant)
        bench.work(COORDINATOR)
        assert {message.id for message in bench.requests("car")} == {"saga-1.car.do"}


def crash_or_finish(bench: Workbench, instant: str) -> None:
    """Let a coordinator die at that instant; a cycle that gives no commands does not come to it."""
    coordinator = bench.worker(COORDINATOR)
    bench.fuse.blow_at = instant
    with suppress(Crash):
        bench.run(coordinator)
    bench.fuse.blow_at = None
    coordinator.close()


def undisturbed() -> list[LogEntry]:
    """Return the log of a trip without hotel, by the rules alone."""
    entries: list[LogEntry] = []
    messages: list[Any] = [start(faults=FULL)]
    while messages:
        message = messages.pop(0)
        entries += saga_log.decide(saga_log.replay(entries), message)
        for routed in saga_log.commands(saga_log.replay(entries), message):
            assert isinstance(routed.message, SagaMessage)
            outcome = Outcome.FAILED if routed.message.step == "hotel" else Outcome.DONE
            is_do = routed.message.action is Action.DO
            messages.append(reply(routed.message, outcome if is_do else Outcome.UNDONE))
    return entries


def marks(entries: Sequence[LogEntry]) -> list[tuple[str, str | None]]:
    return [(entry.mark, entry.step) for entry in entries]


class TestTwoCoordinators:
    def test_the_slower_one_reads_the_log_again(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        """The other one writes between our reading and our writing."""
        read, append = SagaLogStore.read, SagaLogStore.append
        began = saga_log.decide(saga_log.replay([]), start())

        def read_and_be_overtaken(store: SagaLogStore, saga_ids: list[str]) -> Any:
            found = read(store, saga_ids)
            monkeypatch.setattr(SagaLogStore, "read", read)
            append(store, {"saga-1": (0, began)}, at=bench.clock.now())
            return found

        monkeypatch.setattr(SagaLogStore, "read", read_and_be_overtaken)
        bench.send(start())
        coordinator = bench.worker(COORDINATOR)
        assert not coordinator.run_once()
        assert (bench.requests("car"), bench.committed(COORDINATOR)) == ([], 0)
        bench.run(coordinator)
        assert (log(), len(bench.requests("car")), bench.backlog(COORDINATOR)) == (began, 1, 0)


class TestDrivenOn:
    def test_a_command_that_was_lost_is_given_again(self, bench: Workbench) -> None:
        bench.send(start())
        bench.work(COORDINATOR)
        bench.dials.rules = FaultRules(drop_rate=1.0)
        bench.work("car")
        assert (standing(), bench.backlog("car")) == ({}, 0)
        bench.dials.rules = FaultRules()
        see_through(bench, start(round=2))
        assert bench.state().status == "completed"

    def test_a_reply_that_was_lost_is_given_again(self, bench: Workbench) -> None:
        bench.send(start())
        bench.work(COORDINATOR)
        bench.work("car")
        bench.dials.rules = FaultRules(drop_rate=1.0)
        bench.work(COORDINATOR)
        bench.dials.rules = FaultRules()
        see_through(bench, start(round=2))
        assert (bench.state().status, [message.step for message in bench.performed]) == (
            "completed",
            ["car", "hotel", "flight"],
        )

    @pytest.mark.parametrize("faults", [{}, FULL], ids=["completed", "compensated"])
    def test_what_a_broker_has_forgotten_of_its_steps_is_told_again(
        self, bench: Workbench, faults: dict[str, StepFault]
    ) -> None:
        see_through(bench, start(faults=faults))
        told = [step.status for step in bench.state().steps]
        bench.bus.restart()
        see_through(bench, start(faults=faults))
        assert [step.status for step in bench.state().steps] == told

    def test_what_has_ended_is_only_told_again(self, bench: Workbench) -> None:
        workers = [bench.worker(service) for service in ALL]
        bench.send(start())
        bench.run(*workers)
        bench.send(start(round=2))
        bench.run(*workers)
        assert (len(bench.performed), bench.state().status) == (3, "completed")
        assert bench.kinds()[-1] == "completed"

    def test_a_stuck_compensation_is_tried_again(self, bench: Workbench) -> None:
        fault = StepFault(failures=8, retryable=True, action=Action.UNDO)
        workers = [bench.worker(service) for service in ALL]
        bench.send(start(faults=FULL | {"car": fault}))
        bench.run(*workers)
        for _ in range(10):
            bench.wait(10, *workers)
        assert (bench.state().status, standing()["car"]) == ("stuck", "stuck")
        bench.send(start(round=2, faults=FULL | {"car": fault}))
        bench.run(*workers)
        assert (bench.state().status, standing()["car"]) == ("compensated", "undone")
