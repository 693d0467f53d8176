"""A pulse with what is around it, to drive by hand."""

from types import SimpleNamespace
from typing import Any

from consumers.dials import Dials
from consumers.pulse import Condition, Hosted, Pulse
from saga import wire
from saga.bus import TopicPartition
from saga.messages import DeadLetter
from saga.steering import Control, Heartbeat
from saga.topics import CONTROL, DEAD_LETTER, HEARTBEAT, partitions_by_topic
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.sagas.factories import HeldClock, outgoing

BUSY: Any = SimpleNamespace(
    assigned=frozenset({TopicPartition("notified", 0), TopicPartition("new-user", 2)}), in_flight=7, handled=40
)
IDLE: Any = SimpleNamespace(assigned=frozenset(), in_flight=0, handled=0)


class Patient:
    """A pulse, and what is around it."""

    def __init__(self, bus: MemoryBus | None = None) -> None:
        self.bus = bus or MemoryBus(partitions_by_topic(1), waits=False)
        self.clock = HeldClock()
        self.dials = Dials(lag_ms=(400, 3000))
        self.other_dials = Dials(lag_ms=(400, 3000))
        self.condition = Condition("running", "", BUSY)
        self.deaths = 0
        self.is_ending = False
        self.broker_forgets = False

    def pulse(self, instance: str = "1a2b3c4d") -> Pulse:
        return self._pulse({"provisioner": Hosted(self.dials, lambda: self.condition)}, instance)

    def shared_pulse(self) -> Pulse:
        """Return the pulse of a process in which two services work, the second of them stopped."""
        stopped = Hosted(self.other_dials, lambda: Condition("stopped", "", None))
        return self._pulse({"car": Hosted(self.dials, lambda: self.condition), "hotel": stopped}, "1a2b3c4d")

    def _pulse(self, members: dict[str, Hosted], instance: str) -> Pulse:
        return Pulse(
            members,
            self.bus,
            instance=instance,
            clock=self.clock,
            broker_forgets=self.broker_forgets,
            is_ending=lambda: self.is_ending,
            die=self._die,
        )

    def _die(self) -> None:
        self.deaths += 1

    def tell(self, *said: Control) -> None:
        for each in said:
            self.bus.append(outgoing(each, CONTROL))

    def beats(self) -> list[Heartbeat]:
        return [wire.decode(Heartbeat, record.value) for record in self.bus.messages(HEARTBEAT)]

    def letters(self) -> list[DeadLetter]:
        return [wire.decode(DeadLetter, record.value) for record in self.bus.messages(DEAD_LETTER)]
