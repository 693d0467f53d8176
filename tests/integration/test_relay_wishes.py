"""What a person wants of a saga, or of a dead letter, is sent where it is done, and once."""

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.backstage import relay
from dashboard.backstage.relay import Relay
from dashboard.models import DeadLetter, Saga
from dashboard.readmodel import rescue
from saga import wire
from saga.errors import BrokerUnavailable
from saga.messages import Action, Kind, SagaMessage, StepFault, Trace, TraceEvent
from saga.topics import SAGA_TOPICS, TRACE
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import accept, at, letter, saga, say, stuck_undo, trace, undo_event, way_back_of
from tests.support.dashboard.relay import fed, openings, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eager_relay")]


def sent(bus: MemoryBus) -> tuple[str, SagaMessage]:
    """Return the topic of the newest message to a service, and the message."""
    found = [record for topic in SAGA_TOPICS for record in bus.messages(topic)]
    newest = max(found, key=lambda record: wire.decode(SagaMessage, record.value).round)
    return newest.topic, wire.decode(SagaMessage, newest.value)


def told(bus: MemoryBus) -> list[TraceEvent]:
    return [event for record in bus.messages(TRACE) for event in wire.decode(Trace, record.value).events]


def retried(saga_id: str) -> None:
    rescue.retry(saga_id)


def rolled_back(saga_id: str) -> None:
    rescue.roll_back(saga_id)


def rolled_back_and_retried(saga_id: str) -> None:
    rescue.roll_back(saga_id)
    rescue.retry(saga_id)


def resolved(saga_id: str) -> None:
    say(stuck_undo(saga_id))
    rescue.resolve(saga_id, "authorize")


DO, UNDO = Action.DO, Action.UNDO
Wish = Callable[[str], None]
WISHES: dict[str, tuple[str, Wish, tuple[Any, ...]]] = {
    "a chain is driven on": ("choreography", retried, ("new-user", "provision", DO, 2, False)),
    "a chain is rolled back": ("choreography", rolled_back, ("roll-back", None, UNDO, 2, False)),
    "a roll-back is driven on": ("choreography", rolled_back_and_retried, ("roll-back", None, UNDO, 3, False)),
    "a chain goes past a step": ("choreography", resolved, ("undo-authorize", "authorize", UNDO, 2, True)),
    "the coordinator drives on": ("orchestration", retried, ("sagas", None, DO, 2, False)),
    "the coordinator rolls back": ("orchestration", rolled_back, ("sagas", None, UNDO, 2, False)),
    "the coordinator goes past a step": ("orchestration", resolved, ("undo-authorize", "authorize", UNDO, 2, True)),
}


@pytest.mark.parametrize(("style", "wish", "expected"), WISHES.values(), ids=WISHES)
def test_what_is_wanted_of_a_saga_is_sent_where_it_is_done(
    bus: MemoryBus, style: str, wish: Wish, expected: tuple[Any, ...]
) -> None:
    [saga_id] = accept(style=style)
    run(bus)
    wish(saga_id)
    run(bus)
    topic, message = sent(bus)
    assert (topic, message.step, message.action, message.round, message.by_hand) == expected
    assert message.saga_id == saga_id


@pytest.mark.parametrize("wish", [rolled_back, resolved])
def test_a_way_back_that_a_person_wants_comes_after_all_that_was_said(bus: MemoryBus, wish: Wish) -> None:
    """What happened is put in order by hops, so the wish needs one above all of them."""
    [saga_id] = accept()
    run(bus)
    say(*way_back_of(saga_id)[:7])
    wish(saga_id)
    run(bus)
    _, message = sent(bus)
    assert message.hop > max(event.hop for said in way_back_of(saga_id)[:7] for event in said.events)
    assert "by hand" in str(message.reason)


def test_a_step_that_was_undone_by_hand_comes_after_what_its_service_said_last(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    resolved(saga_id)
    run(bus)
    assert sent(bus)[1].hop > stuck_undo(saga_id).events[0].hop


@pytest.mark.parametrize("wish", [retried, rolled_back, resolved])
def test_what_is_wanted_is_sent_once(bus: MemoryBus, wish: Wish) -> None:
    [saga_id] = accept()
    run(bus)
    wish(saga_id)
    run(bus)
    ends = bus.end_offsets(SAGA_TOPICS)
    run(bus)
    assert bus.end_offsets(SAGA_TOPICS) == ends


def test_what_was_resolved_is_not_told_again_once_its_service_has_said_so(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    resolved(saga_id)
    run(bus)
    say(trace(saga_id, undo_event(Kind.UNDONE, "authorize", attempt=9)))
    rescue.retry(saga_id)
    run(bus)
    topic, message = sent(bus)
    assert (topic, message.by_hand, message.round) == ("new-user", False, 3)


def test_what_is_wanted_while_the_relay_sends_is_sent_next(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> None:
    [saga_id] = accept()
    mark_fed = relay.mark_fed

    def slow_mark_fed(fed: Any, *, at: str) -> None:
        if saga(saga_id).round == 1:
            rescue.roll_back(saga_id)
        mark_fed(fed, at=at)

    monkeypatch.setattr(relay, "mark_fed", slow_mark_fed)
    run(bus)
    assert sent(bus)[0] == "roll-back"


@pytest.mark.parametrize(("wish", "topic"), [(rolled_back, "roll-back"), (resolved, "undo-authorize")])
def test_a_broker_that_forgot_is_told_again_what_is_wanted(bus: MemoryBus, wish: Wish, topic: str) -> None:
    [saga_id] = accept()
    run(bus)
    wish(saga_id)
    run(bus)
    before = sent(bus)
    bus.restart()
    run(bus)
    assert (sent(bus), before[0], fed(bus)) == (before, topic, [])


def test_the_trace_tells_of_every_time_that_a_saga_was_driven_on(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    rescue.retry(saga_id)
    run(bus)
    assert [(event.kind, event.step, event.attempt) for event in told(bus)] == [
        (Kind.STARTED, None, 1),
        (Kind.STARTED, None, 2),
    ]


def test_the_trace_tells_when_a_saga_was_driven_on(bus: MemoryBus) -> None:
    [saga_id] = accept()
    Saga.objects.update(started_at=at(0))
    run(bus)
    rescue.retry(saga_id)
    run(bus)
    first, again = told(bus)
    assert first.at == at(0) < again.at


def test_the_faults_that_were_asked_for_travel_with_the_saga(bus: MemoryBus) -> None:
    faults = {"notify": StepFault(failures=2, retryable=True), "provision": StepFault(failures=None, action=UNDO)}
    accept(faults=faults)
    run(bus)
    assert openings(bus)[0].faults == faults


def test_a_corrected_message_is_sent_in_the_place_of_the_dead_letter_once(bus: MemoryBus) -> None:
    say(letters=[letter(key="s")])
    DeadLetter.objects.update(replay="corrected")
    run(bus)
    run(bus)
    [record] = bus.messages("authorize")
    assert (record.key, record.value) == (b"s", b"corrected")
    assert DeadLetter.objects.get().replayed_at is not None


def test_a_correction_waits_for_a_broker_that_is_away(bus: MemoryBus) -> None:
    say(letters=[letter(key="s")])
    worker = Relay(bus, in_flight_limit=10)
    DeadLetter.objects.update(replay="corrected")
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        worker.run_once()
    assert DeadLetter.objects.get().replayed_at is None
    bus.is_down = False
    run(bus)
    assert len(bus.messages("authorize")) == 1
