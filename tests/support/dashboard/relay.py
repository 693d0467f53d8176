"""A relay to drive by hand, what it has fed to the broker, and how much of that is under way."""

from dashboard.backstage.relay import Relay
from dashboard.models import Saga
from saga import wire
from saga.messages import SagaMessage
from tests.support.brokers.memory_bus import MemoryBus


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


def fed(bus: MemoryBus) -> list[str]:
    return [message.saga_id for message in openings(bus)]


def under_way() -> int:
    return Saga.objects.under_way().count()
