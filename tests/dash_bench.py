"""A projector to drive by hand."""

from dashboard.projector import Projector
from dashboard.watch import Watch
from saga.bus import Outgoing
from saga.topics import DEAD_LETTER, HEARTBEAT, TRACE
from tests.memory_bus import MemoryBus

TOPICS = (TRACE, DEAD_LETTER, HEARTBEAT)
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
        self.projector = Projector(self.bus, watch=self.watch, board_changed=lambda: self.nudges.append(None))

    def reopen(self) -> None:
        self.projector.close()
        self.open()

    def drain(self) -> None:
        rounds = 0
        while self.projector.run_once():
            rounds += 1
            assert rounds < MOST_ROUNDS, "the projector goes round in circles"
