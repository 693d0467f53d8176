"""Accepted sagas reach the broker, never more than it keeps, and again where nobody knows whether they did."""

from collections.abc import Sequence

import pytest

from dashboard.backstage import relay
from dashboard.backstage.relay import Relay
from dashboard.models import Saga
from saga import wire
from saga.bus import Outgoing, Place
from saga.errors import BrokerUnavailable
from saga.messages import Kind, Trace
from saga.topics import TRACE
from tests.support.brokers.memory_bus import MemoryBus, MemoryProducer
from tests.support.dashboard.factories import accept, finish, saga
from tests.support.dashboard.relay import fed, openings, run, under_way

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eager_relay")]


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


def test_a_scenario_that_only_another_version_knows_waits_and_holds_nobody_up(
    bus: MemoryBus, caplog: pytest.LogCaptureFixture
) -> None:
    foreign, *others = accept(3)
    Saga.objects.filter(saga_id=foreign).update(scenario="moon-shot")
    run(bus)
    assert fed(bus) == others
    assert saga(foreign).fed_offset is None
    assert "1 sagas wait for a version that knows their scenario" in caplog.text


def test_no_more_than_the_limit_is_ever_under_way(bus: MemoryBus) -> None:
    ids = accept(7)
    run(bus, limit=3)
    assert fed(bus) == ids[:3]
    finish(ids[1], ids[0])
    run(bus, limit=3)
    assert (fed(bus), under_way()) == (ids[:5], 3)


def test_where_more_are_under_way_than_the_limit_the_others_wait(bus: MemoryBus) -> None:
    """As after a start with a lower limit, or where another program produces sagas of its own."""
    ids = accept(5)
    run(bus)
    accept()
    run(bus, limit=2)
    assert fed(bus) == ids


def test_what_waits_is_fed_as_others_end_until_all_have_been(bus: MemoryBus) -> None:
    ids = accept(10)
    while Saga.objects.filter(finished=None).exists():
        run(bus, limit=3)
        assert under_way() <= 3
        finish(*Saga.objects.under_way().values_list("saga_id", flat=True))
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


def test_a_broker_that_is_away_leaves_everything_waiting(bus: MemoryBus) -> None:
    worker = Relay(bus, in_flight_limit=10)
    accept(3)
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        worker.run_once()
    assert Saga.objects.filter(fed_offset=None).count() == 3
    assert bus.messages("new-user") == []
