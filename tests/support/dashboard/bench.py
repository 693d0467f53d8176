"""A projector, and what hears the heartbeats beside it, to drive by hand."""

from dashboard.backstage.hearts import Hearts
from dashboard.backstage.projector import Projector
from dashboard.backstage.watch import Watch
from saga.bus import Outgoing
from saga.topics import DEAD_LETTER, TRACE
from tests.support.brokers.memory_bus import MemoryBus

TOPICS = (TRACE, DEAD_LETTER)
MOST_ROUNDS = 50


class Bench:
    """A projector to drive, what it heard, and how often it said that the board changed."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.nudges: list[None] = []
        self.watch = Watch(lambda: 0.0)
        self.open()

    def tell(self, *messages: Outgoing) -> None:
        self.bus.producer().send(messages)

    @property
    def is_committed(self) -> bool:
        return self.bus.committed_offsets("projector", TOPICS) == self.bus.end_offsets(TOPICS)

    def open(self) -> None:
        self.projector = Projector(self.bus, board_changed=lambda: self.nudges.append(None))
        self.hearts = Hearts(self.bus, watch=self.watch, leads=lambda: True)

    def reopen(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        self.projector.close()
        self.hearts.close()

    def drain(self) -> None:
        rounds = 0
        while self.hearts.run_once() or self.projector.run_once():
            rounds += 1
            assert rounds < MOST_ROUNDS, "the projector goes round in circles"
