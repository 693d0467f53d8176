"""The coordinator at work: it commands, hears, and tells how each saga ends."""

from itertools import count

import pytest

from saga.bus import Outgoing
from saga.definitions import COORDINATOR
from saga.messages import Action, Kind, Outcome, SagaMessage, StepFault
from tests.support.sagas.factories import command, outgoing, reply, request
from tests.support.services.fuse import INSTANTS
from tests.support.services.orchestrated import ALL, FULL, see_through, standing, start
from tests.support.services.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=ALL)


def roll_back(scenario: str = "trip") -> SagaMessage:
    return request(None, scenario=scenario, results={}, action=Action.UNDO, hop=50, reason="nobody wants it any more")


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


def test_many_sagas_are_written_down_in_one_transaction(bench: Workbench) -> None:
    bench.send(*(start(saga_id=f"saga-{number}") for number in range(20)))
    assert bench.worker(COORDINATOR).run_once()
    assert bench.fuse.passed == INSTANTS
    assert len(bench.requests("car")) == 20
