"""Reads what the services say and hands it, a batch at a time, to the read model."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing

from dashboard.backstage.incoming import read
from dashboard.backstage.telling import tell_letters
from dashboard.readmodel.projection import project
from saga.bus import Bus, TopicPartition, gather
from saga.messages import DeadLetter, Trace
from saga.reports import text_of
from saga.topics import DEAD_LETTER, TRACE

GROUP = "projector"
POLL_TIMEOUT_S = 1.0
BATCH_LIMIT = 1_000
# Browsers are told ten times a second at most; nobody sees more haste than this.
GATHER_S = 0.05


class Projector:
    """One member of the group `projector`. `board_changed` is called after each batch that changed a row."""

    def __init__(self, bus: Bus, *, board_changed: Callable[[], None]) -> None:
        self._board_changed = board_changed
        topics = [TRACE, DEAD_LETTER]
        with ExitStack() as opening:  # if the second client cannot be opened, the first is closed
            self._producer = opening.enter_context(closing(bus.producer()))
            self._consumer = opening.enter_context(
                closing(bus.consumer(GROUP, topics, on_revoked=lambda partitions: None))
            )
            self._clients = opening.pop_all()

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        return self._consumer.assigned()

    def run_once(self) -> bool:
        """Project one batch, then commit its offsets. Raises what the broker or the database raises."""
        records = gather(self._consumer, POLL_TIMEOUT_S, limit=BATCH_LIMIT, within_s=GATHER_S, clock=time.monotonic)
        if not records:
            return False
        unreadable: list[DeadLetter] = []
        traces = [(trace, text_of(record.value)) for trace, record in read(Trace, TRACE, records, unreadable)]
        letters = [letter for letter, _ in read(DeadLetter, DEAD_LETTER, records, unreadable)]
        if traces or letters:
            project(traces, letters)
            self._board_changed()
        tell_letters(self._producer, unreadable)
        self._consumer.commit({record.topic_partition: record.offset + 1 for record in records})
        return True

    def close(self) -> None:
        self._clients.close()
