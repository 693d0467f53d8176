"""The coordinator at work: kill it anywhere, start another, and every saga goes on from the log."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from consumers.log_store import SagaLogStore
from saga import routing, saga_log
from saga.bus import Outgoing
from saga.definitions import COORDINATOR, ORCHESTRATION, definition_of
from saga.messages import Action, Kind, Outcome, SagaMessage, StepFault
from saga.saga_log import LogEntry
from saga.steering import FaultRules
from tests.factories import ADA, command, outgoing, reply, request
from tests.workbench import INSTANTS, Crash, Workbench, effects_of

BOOKINGS = ("car", "hotel", "flight", "tickets")
ALL = (COORDINATOR, *BOOKINGS)
pytestmark = pytest.mark.django_db(databases=ALL)

FULL = {"hotel": StepFault(error="the hotel is full")}


def start(scenario: str = "trip", saga_id: str = "saga-1", **changes: Any) -> SagaMessage:
    """Return the message that starts a saga."""
    definition = definition_of(scenario)
    message = routing.opening(definition, saga_id=saga_id, style=ORCHESTRATION, user=ADA, **changes).message
    assert isinstance(message, SagaMessage)
    return message


def roll_back(scenario: str = "trip") -> SagaMessage:
    return request(None, scenario=scenario, results={}, action=Action.UNDO, hop=50, reason="nobody wants it any more")


def log(saga_id: str = "saga-1") -> list[LogEntry]:
    return SagaLogStore(COORDINATOR).read([saga_id]).get(saga_id, [])


def see_through(bench: Workbench, *messages: SagaMessage) -> None:
    bench.send(*messages)
    bench.run(*(bench.worker(service) for service in ALL))


def standing() -> dict[str, str]:
    """Return what became of each booking of `saga-1`."""
    return {step: status for name in BOOKINGS for _, step, status in effects_of(name)}


@pytest.mark.parametrize(
    ("scenario", "faults", "status", "effects"),
    [
        pytest.param("trip", {}, "completed", {"car": "done", "hotel": "done", "flight": "done"}, id="a good trip"),
        pytest.param("trip", FULL, "compensated", {"car": "undone", "hotel": "failed"}, id="a trip without hotel"),
        pytest.param(
            "package", {}, "completed", {"plane": "done", "hotel": "done", "tickets": "done"}, id="a good package"
        ),
        pytest.param(
            "package",
            FULL,
            "compensated",
            {"plane": "undone", "hotel": "failed", "tickets": "undone"},
            id="a package without hotel",
        ),
    ],
)
def test_a_saga_is_seen_through(
    bench: Workbench, scenario: str, faults: dict[str, StepFault], status: str, effects: dict[str, str]
) -> None:
    see_through(bench, start(scenario, faults=faults))
    assert (bench.state().status, bench.state().why) == (status, "the hotel is full" if faults else None)
    assert standing() == effects
    assert [step.status for step in bench.state().steps if step.name in effects] == list(effects.values())


def test_both_the_commands_and_the_replies_of_a_saga_bear_its_id(bench: Workbench) -> None:
    see_through(bench, start())
    keys = {record.key for topic in ("car", "hotel", "flight", "replies") for record in bench.bus.messages(topic)}
    assert keys == {b"saga-1"}


def test_the_coordinator_tells_what_it_heard_what_it_commands_and_how_it_ends(bench: Workbench) -> None:
    see_through(bench, start())
    said = [(event.kind, event.step, event.topic) for event in bench.events() if event.service == COORDINATOR]
    assert said == [
        (Kind.STARTED, "car", "car"),
        (Kind.RECEIVED, None, "sagas"),
        (Kind.STARTED, "hotel", "hotel"),
        (Kind.STARTED, "flight", "flight"),
        (Kind.COMPLETED, None, "replies"),
    ]


def test_what_it_heard_is_no_later_than_what_it_did_about_it(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_still, ticks = bench.clock.now, count()
    monkeypatch.setattr(bench.clock, "now", lambda: standing_still(in_s=next(ticks)))
    bench.send(start())
    bench.work(COORDINATOR)
    heard, done = (
        next(event.at for event in bench.events() if event.kind is kind) for kind in (Kind.RECEIVED, Kind.STARTED)
    )
    assert heard <= done


def test_bookkeeping_takes_no_time(bench: Workbench) -> None:
    bench.dials.lag_ms = (60_000, 60_000)
    bench.send(start())
    bench.work(COORDINATOR)
    assert len(bench.requests("car")) == 1


def test_a_roll_back_waits_for_no_participant(bench: Workbench) -> None:
    bench.send(start("package"), roll_back("package"))
    bench.work(COORDINATOR)
    assert [event.detail for event in bench.events() if event.kind is Kind.UNDOING] == [
        {"reason": "nobody wants it any more"}
    ]
    bench.run(*(bench.worker(service) for service in ALL))
    assert (bench.state().status, bench.state().why) == ("compensated", "nobody wants it any more")
    assert set(standing().values()) <= {"undone", "refused"}


@pytest.mark.parametrize(
    ("nonsense", "reason"),
    [
        pytest.param(outgoing(reply(command("car"), Outcome.DONE), "replies"), "never given", id="an unknown saga"),
        pytest.param(
            outgoing(reply(command("car"), Outcome.DONE, step="fly"), "replies"), "no step 'fly'", id="an unknown step"
        ),
        pytest.param(
            outgoing(reply(command("car"), Outcome.DONE, scenario="moon-shot"), "replies"),
            "unknown scenario",
            id="an unknown scenario",
        ),
        pytest.param(
            Outgoing(topic="replies", key=b"saga-2", value=outgoing(reply(command("car"), Outcome.DONE)).value),
            "key is not its saga id",
            id="another key",
        ),
        pytest.param(outgoing(command("car"), "replies"), "is not 'workshop.saga.reply.v1'", id="no reply"),
        pytest.param(outgoing(command("car"), "sagas"), "belongs on topic 'car'", id="a command"),
        pytest.param(outgoing(reply(command("car"), Outcome.DONE), "sagas"), "is not 'workshop.saga", id="a reply"),
    ],
)
def test_what_makes_no_sense_becomes_a_dead_letter_and_others_go_on(
    bench: Workbench, nonsense: Outgoing, reason: str
) -> None:
    bench.send(nonsense, start(saga_id="saga-2"))
    bench.work(COORDINATOR)
    [letter] = bench.letters()
    assert reason in letter.reason
    assert (letter.service, [message.saga_id for message in bench.requests("car")]) == (COORDINATOR, ["saga-2"])
    assert bench.backlog(COORDINATOR) == 0


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
        for routed in saga_log.orders(saga_log.replay(entries), message):
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


def test_many_sagas_are_written_down_in_one_transaction(bench: Workbench) -> None:
    bench.send(*(start(saga_id=f"saga-{number}") for number in range(20)))
    assert bench.worker(COORDINATOR).run_once()
    assert bench.fuse.passed == INSTANTS
    assert len(bench.requests("car")) == 20
