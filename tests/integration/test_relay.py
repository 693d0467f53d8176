"""Accepted sagas reach the broker, never more than it keeps, and again if it forgot them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dashboard.backstage import relay
from dashboard.backstage.relay import Relay
from dashboard.models import DeadLetter, Saga
from dashboard.readmodel import outbox, rescue
from saga import wire
from saga.bus import Outgoing, Place
from saga.errors import BrokerUnavailable
from saga.messages import Action, Kind, SagaMessage, StepFault, Trace
from saga.topics import SAGA_TOPICS, TRACE
from tests.dash_factories import accept, finish, letter, life_of, memory_bus, saga, say, stuck_undo, way_back_of
from tests.memory_bus import MemoryBus, MemoryProducer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "IDLE_S", 0)
    monkeypatch.setattr(relay, "GATHER_S", 0)
    outbox.news.clear()


@pytest.fixture
def bus() -> MemoryBus:
    return memory_bus()


def run(bus: MemoryBus, *, limit: int = 100) -> None:
    """Open a relay and let it feed until there is no more to do."""
    worker = Relay(bus, in_flight_limit=limit)
    rounds = 0
    while worker.run_once():
        rounds += 1
        assert rounds < 100, "the relay never rests"
    worker.close()


def openings(bus: MemoryBus) -> list[SagaMessage]:
    return [wire.decode(SagaMessage, record.value) for record in bus.messages("new-user")]


def sent(bus: MemoryBus) -> tuple[str, SagaMessage]:
    """Return the topic of the newest message to a service, and the message."""
    found = [record for topic in SAGA_TOPICS for record in bus.messages(topic)]
    newest = max(found, key=lambda record: wire.decode(SagaMessage, record.value).round)
    return newest.topic, wire.decode(SagaMessage, newest.value)


def fed(bus: MemoryBus) -> list[str]:
    return [message.saga_id for message in openings(bus)]


def under_way() -> int:
    return Saga.objects.filter(finished=None).exclude(fed_offset=None).count()


def test_each_accepted_saga_is_sent_once_in_order(bus: MemoryBus) -> None:
    ids = accept(5)
    run(bus)
    run(bus)
    assert fed(bus) == ids


def test_the_opening_asks_the_first_service_for_the_first_step(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    [message], [record] = openings(bus), bus.messages("new-user")
    assert (message.step, message.user.name, message.hop) == ("provision", saga(saga_id).user_name, 0)
    assert record.key == saga_id.encode()


def test_where_the_opening_stands_is_written_down_and_told(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    [opening], [traced] = bus.messages("new-user"), bus.messages(TRACE)
    row = saga(saga_id)
    [event] = wire.decode(Trace, traced.value).events
    assert (row.fed_partition, row.fed_offset) == (opening.partition, opening.offset)
    assert (event.kind, event.service, event.topic, event.partition, event.offset) == (
        Kind.STARTED,
        "dashboard",
        "new-user",
        opening.partition,
        opening.offset,
    )
    assert event.at == row.started_at


def test_no_more_than_the_limit_is_ever_under_way(bus: MemoryBus) -> None:
    ids = accept(7)
    run(bus, limit=3)
    assert fed(bus) == ids[:3]
    finish(ids[1], ids[0])
    run(bus, limit=3)
    assert (fed(bus), under_way()) == (ids[:5], 3)


def test_what_waits_is_fed_as_others_end_until_all_have_been(bus: MemoryBus) -> None:
    ids = accept(10)
    while Saga.objects.filter(finished=None).exists():
        run(bus, limit=3)
        assert under_way() <= 3
        finish(*Saga.objects.filter(finished=None).exclude(fed_offset=None).values_list("saga_id", flat=True))
    assert fed(bus) == ids


@pytest.mark.parametrize(
    ("limit", "patient"),
    [
        pytest.param(1, "IDLE_S", id="soon, while some wait for it"),
        pytest.param(2, "FULL_S", id="only now and then, while it is full and none waits"),
        pytest.param(9, "FULL_S", id="only now and then, while there is room"),
    ],
)
def test_the_relay_looks_for_room_by_itself(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch, limit: int, patient: str
) -> None:
    """It would wait for an hour if it waited for what it must not wait for."""
    worker = Relay(bus, in_flight_limit=limit)
    ids = accept(2)
    worker.run_once()
    finish(*fed(bus))
    monkeypatch.setattr(relay, patient, 3600)
    worker.run_once()
    worker.close()
    assert fed(bus) == ids


def test_many_sagas_are_fed_in_batches(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BATCH_LIMIT", 4)
    ids = accept(10)
    run(bus)
    assert fed(bus) == ids


def test_a_batch_that_leaves_some_behind_is_soon_followed_by_the_next(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH_LIMIT", 4)
    monkeypatch.setattr(relay, "IDLE_S", 3600)
    ids = accept(5)
    worker = Relay(bus, in_flight_limit=10)
    for _ in range(2):
        worker.run_once()
    worker.close()
    assert fed(bus) == ids


def test_news_of_an_accepted_saga_wakes_the_relay(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Relay(bus, in_flight_limit=10)
    worker.run_once()
    monkeypatch.setattr(relay, "IDLE_S", 3600)
    [saga_id] = accept()
    assert worker.run_once()
    assert fed(bus) == [saga_id]


def test_sagas_that_come_close_together_are_fed_together(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Relay(bus, in_flight_limit=10)
    ids = accept()
    monkeypatch.setattr(relay.time, "sleep", lambda seconds: ids.extend(accept()))
    worker.run_once()
    worker.close()
    assert fed(bus) == ids
    assert len(ids) == 2


class DiesAt(MemoryProducer):
    """Fails at the `number`th time something is sent: what was sent before has been written."""

    def __init__(self, bus: MemoryBus, number: int) -> None:
        super().__init__(bus, bus.lives)
        self.calls_left = number

    def send(self, messages: Sequence[Outgoing]) -> list[Place]:
        self.calls_left -= 1
        if not self.calls_left:
            raise BrokerUnavailable("the broker did not answer")
        return super().send(messages)


@pytest.mark.parametrize("call", [1, 2], ids=["before the opening", "between opening and trace"])
def test_a_send_that_fails_is_repeated_with_the_same_id(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    [saga_id] = accept()
    with monkeypatch.context() as broken:
        broken.setattr(bus, "producer", lambda: DiesAt(bus, call))
        with pytest.raises(BrokerUnavailable):
            run(bus)
    assert saga(saga_id).fed_offset is None
    run(bus)
    assert {message.id for message in openings(bus)} == {f"{saga_id}.provision.do"}
    assert saga(saga_id).fed_offset is not None


def test_a_crash_between_sending_and_marking_sends_the_same_again(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = accept(2)
    with monkeypatch.context() as dying:
        dying.setattr(relay, "mark_fed", lambda places, at: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            run(bus)
    run(bus)
    assert fed(bus) == ids * 2
    first, _, again, _ = openings(bus)
    assert first == again


def test_a_broker_that_forgot_is_fed_all_unfinished_sagas_again_and_only_those(bus: MemoryBus) -> None:
    ids = accept(6)
    run(bus, limit=4)
    finish(ids[2])
    bus.restart()
    run(bus)
    assert sorted(fed(bus)) == sorted({*ids} - {ids[2]})
    assert saga(ids[2]).fed_offset is not None


def test_after_a_loss_of_memory_too_no_more_than_the_limit_is_under_way(bus: MemoryBus) -> None:
    accept(8)
    run(bus, limit=3)
    bus.restart()
    run(bus, limit=3)
    assert (len(fed(bus)), under_way()) == (3, 3)


def test_a_broker_that_remembers_is_not_fed_again_after_a_restart_of_the_relay(bus: MemoryBus) -> None:
    ids = accept(4)
    run(bus)
    run(bus)
    assert fed(bus) == ids


def test_an_adopted_saga_does_not_look_like_a_loss_of_memory(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    say(life_of("foreign")[0])
    run(bus)
    assert fed(bus) == [saga_id]


def test_a_broker_that_is_away_leaves_everything_waiting(bus: MemoryBus) -> None:
    worker = Relay(bus, in_flight_limit=10)
    accept(3)
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        worker.run_once()
    assert Saga.objects.filter(fed_offset=None).count() == 3
    assert bus.messages("new-user") == []


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


@pytest.mark.parametrize("wish", [retried, rolled_back, resolved])
def test_what_is_wanted_is_sent_once(bus: MemoryBus, wish: Wish) -> None:
    [saga_id] = accept()
    run(bus)
    wish(saga_id)
    run(bus)
    ends = bus.end_offsets(SAGA_TOPICS)
    run(bus)
    assert bus.end_offsets(SAGA_TOPICS) == ends
    assert saga(saga_id).resolved_step is None


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


def test_a_broker_that_forgot_is_told_again_that_a_saga_shall_be_rolled_back(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    rescue.roll_back(saga_id)
    run(bus)
    bus.restart()
    run(bus)
    topic, message = sent(bus)
    assert (topic, message.action, fed(bus)) == ("roll-back", UNDO, [])


def test_the_trace_tells_of_every_time_that_a_saga_was_driven_on(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    rescue.retry(saga_id)
    run(bus)
    told = [event for record in bus.messages(TRACE) for event in wire.decode(Trace, record.value).events]
    assert [(event.kind, event.step, event.attempt) for event in told] == [
        (Kind.STARTED, None, 1),
        (Kind.STARTED, None, 2),
    ]


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
