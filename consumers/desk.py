"""What a worker has in hand: work that waits for its time, and how far each partition may be committed.

Work finishes in any order, a Kafka commit covers everything below one offset. So a partition's commit stays below its
oldest unfinished message, and what is above is safe to see again: the ledger knows it.
"""

import heapq
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import count

from consumers.role import Work
from saga.bus import Record, TopicPartition


@dataclass(slots=True)
class _Progress:
    """The offsets of one partition that were taken on, oldest first, and which of them are finished."""

    taken: deque[int] = field(default_factory=deque)
    finished: set[int] = field(default_factory=set)

    def advance(self) -> int | None:
        """Leave what is finished behind, and return the offset of the next message to read; None if nothing was."""
        following = None
        while self.taken and self.taken[0] in self.finished:
            self.finished.remove(self.taken[0])
            following = self.taken.popleft() + 1
        return following


class Desk:
    """Work in hand, by due time; offsets, by partition. Times are seconds on the worker's monotonic clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Work]] = []
        self._tie = count()
        self._progress: dict[TopicPartition, _Progress] = {}
        self._unfinished = 0

    def __len__(self) -> int:
        """Return how many messages are taken on and not finished."""
        return self._unfinished

    def take_on(self, record: Record) -> None:
        """Count a record as begun; its partition's commit will not pass it before `finish`."""
        self._progress.setdefault(record.topic_partition, _Progress()).taken.append(record.offset)
        self._unfinished += 1

    def schedule(self, work: Work, *, due: float) -> None:
        heapq.heappush(self._heap, (due, next(self._tie), work))

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float, *, limit: int | None = None) -> list[Work]:
        due: list[Work] = []
        while self._heap and self._heap[0][0] <= now and len(due) != limit:
            due.append(heapq.heappop(self._heap)[2])
        return due

    def finish(self, records: Iterable[Record]) -> None:
        for record in records:
            self._progress[record.topic_partition].finished.add(record.offset)
            self._unfinished -= 1

    def committable(self) -> dict[TopicPartition, int]:
        """Return, and forget, how far each partition got since last asked: the offset of the next message to read."""
        advanced = {partition: progress.advance() for partition, progress in self._progress.items()}
        return {partition: offset for partition, offset in advanced.items() if offset is not None}

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Drop all work of partitions that belong to somebody else now; it will be delivered to them."""
        for partition in partitions:
            progress = self._progress.pop(partition, _Progress())
            self._unfinished -= len(progress.taken) - len(progress.finished)
        self._heap = [entry for entry in self._heap if entry[2].record.topic_partition not in partitions]
        heapq.heapify(self._heap)
