"""Services are told what they are asked to be, each thing once, and again where it was not heard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from dashboard.backstage import herald
from dashboard.backstage.herald import Herald
from dashboard.models import Service
from dashboard.readmodel import services
from saga import wire
from saga.bus import Place
from saga.errors import BrokerUnavailable
from saga.steering import Control, FaultRules, Order
from saga.topics import CONTROL, SERVICES
from tests.support.brokers.memory_bus import MemoryBus, MemoryProducer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herald, "IDLE_S", 0)
    services.ensure_rows((400, 3000))


@pytest.fixture
def crier(bus: MemoryBus) -> Iterator[Herald]:
    crier = Herald(bus)
    yield crier
    crier.close()


def said(bus: MemoryBus) -> list[Control]:
    return [wire.decode(Control, record.value) for record in bus.messages(CONTROL)]


def test_at_first_each_service_is_told_what_it_is_asked_to_be(bus: MemoryBus, crier: Herald) -> None:
    assert crier.run_once()
    assert {control.service: control for control in said(bus)} == {
        name: Control(service=name, running=True, lag_ms=(400, 3000)) for name in SERVICES
    }


def test_nothing_is_said_twice(bus: MemoryBus, crier: Herald) -> None:
    crier.run_once()
    assert not crier.run_once()
    assert len(said(bus)) == len(SERVICES)


def test_where_nothing_is_new_nothing_is_written(
    bus: MemoryBus, crier: Herald, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    crier.run_once()
    with django_assert_num_queries(1):
        crier.run_once()


CHANGES: dict[str, tuple[dict[str, Any], Control]] = {
    "stop": ({"running": False}, Control(service="authorizer", running=False, lag_ms=(400, 3000))),
    "be quick": ({"lag_ms": (0, 0)}, Control(service="authorizer", running=True, lag_ms=(0, 0))),
    "go wrong": (
        {"rules": FaultRules(fail_rate=0.5, seed=7)},
        Control(service="authorizer", running=True, lag_ms=(400, 3000), faults=FaultRules(fail_rate=0.5, seed=7)),
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_to_the_one_service(
    bus: MemoryBus, crier: Herald, change: dict[str, Any], expected: Control
) -> None:
    crier.run_once()
    services.change("authorizer", **change)
    crier.run_once()
    assert said(bus)[len(SERVICES) :] == [expected]


def test_a_change_wakes_the_herald(bus: MemoryBus, crier: Herald, monkeypatch: pytest.MonkeyPatch) -> None:
    crier.run_once()
    monkeypatch.setattr(herald, "IDLE_S", 3600)
    services.change("authorizer", running=False)
    assert crier.run_once()


def test_every_living_instance_is_told_to_die_once(bus: MemoryBus, crier: Herald) -> None:
    crier.run_once()
    Service.objects.filter(name="notifier").update(view={"instances": [{"instance": "n-1"}, {"instance": "n-2"}]})
    services.kill("notifier")
    crier.run_once()
    crier.run_once()
    assert [(control.service, control.order) for control in said(bus)[len(SERVICES) :]] == [
        ("notifier", Order(instance="n-1", kill=True)),
        ("notifier", Order(instance="n-2", kill=True)),
    ]


def test_what_is_asked_for_while_an_order_is_said_is_said_next(
    bus: MemoryBus, crier: Herald, monkeypatch: pytest.MonkeyPatch
) -> None:
    crier.run_once()
    first, second = {"instance": "n-1", "fail_next": 3}, {"instance": "n-1", "crash_at": "after receiving"}
    notifier = Service.objects.filter(name="notifier")
    notifier.update(orders=[first])
    asked, send = [[first, second]], MemoryProducer.send

    def send_while_somebody_asks(*arguments: Any) -> list[Place]:
        if asked:
            notifier.update(orders=asked.pop())
        return send(*arguments)

    monkeypatch.setattr(MemoryProducer, "send", send_while_somebody_asks)
    for _ in range(3):
        crier.run_once()
    assert [control.order for control in said(bus)[len(SERVICES) :]] == [Order(**first), Order(**second)]


def test_what_the_broker_did_not_take_is_said_again(bus: MemoryBus, crier: Herald) -> None:
    Service.objects.filter(name="notifier").update(orders=[{"instance": "n-1", "kill": True}])
    bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        crier.run_once()
    bus.is_down = False
    crier.run_once()
    assert {control.service for control in said(bus)} == set(SERVICES)
    assert [control.order for control in said(bus) if control.order] == [Order(instance="n-1", kill=True)]


def test_a_broker_that_forgot_is_told_everything_anew(bus: MemoryBus, crier: Herald) -> None:
    crier.run_once()
    services.change("authorizer", running=False)
    crier.run_once()
    bus.restart()
    Herald(bus).run_once()
    assert {control.service: control.running for control in said(bus)} == {
        name: name != "authorizer" for name in SERVICES
    }


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("heard", "says_again"),
    [
        pytest.param(lambda asked: asked.wish, False, id="it has heard"),
        pytest.param(lambda asked: "older", True, id="it heard something older, from one that was paused"),
    ],
)
def test_what_an_instance_has_not_heard_after_a_while_is_said_again(
    bus: MemoryBus, heard: Callable[[Control], str], says_again: bool
) -> None:
    clock = Clock()
    crier = Herald(bus, clock=clock)
    crier.run_once()
    asked = services.asked_of(Service.objects.get(name="notifier"))
    Service.objects.filter(name="notifier").update(view={"instances": [{"instance": "n-1", "heard": heard(asked)}]})
    assert not crier.run_once()
    clock.now += herald.SAY_AGAIN_AFTER_S + 1
    assert crier.run_once() is says_again
    assert said(bus)[len(SERVICES) :] == [asked] * says_again


def test_nobody_is_told_again_who_has_gone(bus: MemoryBus) -> None:
    clock = Clock()
    crier = Herald(bus, clock=clock)
    crier.run_once()
    Service.objects.filter(name="notifier").update(view={"instances": [{"instance": "n-1", "state": "gone"}]})
    clock.now += herald.SAY_AGAIN_AFTER_S + 1
    assert not crier.run_once()
