"""A trace begins with the request that asks for a saga, and goes out with everything that is sent because of it."""

import pytest
from django.test import Client

from dashboard.backstage import relay
from dashboard.backstage.relay import Relay
from dashboard.models import DeadLetter
from dashboard.readmodel import outbox
from saga import tracing
from saga.topics import SERVICES, TRACE
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import completion, letter, memory_bus, say
from tests.support.sagas.factories import outgoing, request

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])

SOMEBODYS = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER = {"HTTP_TRACEPARENT": f"00-{SOMEBODYS}-00f067aa0ba902b7-01"}
ASKING = {
    "a program": ("/api/sagas", {"content_type": "application/json", "data": {"count": 2}}),
    "the form for many": ("/onboard/", {"data": {"count": "2"}}),
    "a list": ("/roster/", {"data": {"text": "Ada,Data\nAlan,Data"}}),
    "a story": ("/stories/", {"data": {"story": "trip-happy"}}),
}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> MemoryBus:
    monkeypatch.setattr(relay, "IDLE_S", 0)
    outbox.news.clear()
    return memory_bus()


def relay_all(bus: MemoryBus) -> None:
    worker = Relay(bus, in_flight_limit=100)
    while worker.run_once():
        pass
    worker.close()


def trace_of_newest(bus: MemoryBus, topic: str) -> str | None:
    return tracing.trace_id_in(dict(bus.messages(topic)[-1].headers)[tracing.HEADER].decode())


def trace_shown(saga_id: str) -> str:
    trace_id: str = Client().get(f"/api/sagas/{saga_id}").json()["trace_id"]
    assert trace_id in Client().get(f"/sagas/{saga_id}").content.decode()
    return trace_id


@pytest.mark.parametrize(("path", "asked"), ASKING.values(), ids=ASKING)
def test_whoever_asks_within_a_trace_gets_sagas_of_that_trace(path: str, asked: dict[str, object]) -> None:
    saga_ids = Client().post(path, HTTP_ACCEPT="application/json", **HEADER, **asked).json()["saga_ids"]
    assert {trace_shown(saga_id) for saga_id in saga_ids} == {SOMEBODYS}


def test_without_one_or_with_garbage_each_saga_is_a_trace_of_its_own() -> None:
    garbage = {"HTTP_TRACEPARENT": "garbage"}
    answer = Client().post("/api/sagas", {"count": 2}, content_type="application/json", **garbage)
    assert [trace_shown(saga_id) for saga_id in answer.json()["saga_ids"]] == [
        saga_id.replace("-", "") for saga_id in answer.json()["saga_ids"]
    ]


def test_what_the_relay_sends_and_reports_belongs_to_the_trace(bus: MemoryBus) -> None:
    Client().post("/api/sagas", {}, content_type="application/json", **HEADER)
    relay_all(bus)
    assert trace_of_newest(bus, "new-user") == trace_of_newest(bus, TRACE) == SOMEBODYS


def test_a_saga_that_came_from_elsewhere_keeps_its_trace() -> None:
    say(completion("foreign", trace_id=SOMEBODYS))
    assert trace_shown("foreign") == SOMEBODYS


def test_a_message_that_is_replayed_stays_in_its_trace(bus: MemoryBus) -> None:
    message = outgoing(request(trace_id=SOMEBODYS))
    say(letters=[letter(topic="new-user", key="saga-1", value="garbage")])
    DeadLetter.objects.update(replay=message.value.decode())
    relay_all(bus)
    assert trace_of_newest(bus, "new-user") == SOMEBODYS
