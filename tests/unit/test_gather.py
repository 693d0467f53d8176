"""A batch gathers: many small cycles cost more than few large ones."""

from itertools import count

from saga.bus import Record, gather


class Dripping:
    """A consumer that hands out one record a poll, `wet` times, and remembers how it was asked."""

    def __init__(self, wet: int) -> None:
        self.left = wet
        self.asked: list[tuple[float, int]] = []

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        self.asked.append((timeout_s, limit))
        self.left -= 1
        return [] if self.left < 0 else [Record(topic="t", partition=0, offset=len(self.asked), key=None, value=None)]


def gathered(consumer: Dripping, *, limit: int = 100, within_s: float = 10.0) -> int:
    ticks = count()
    return len(gather(consumer, 60.0, limit=limit, within_s=within_s, clock=lambda: float(next(ticks))))


def test_records_gather_until_there_are_no_more() -> None:
    assert gathered(Dripping(wet=4)) == 4


def test_no_more_gather_than_the_limit_and_no_poll_asks_for_more() -> None:
    consumer = Dripping(wet=50)
    assert gathered(consumer, limit=3) == 3
    assert [limit for _, limit in consumer.asked] == [3, 2, 1]


def test_gathering_ends_with_its_time() -> None:
    assert gathered(Dripping(wet=50), within_s=5.0) == 5


def test_what_comes_after_a_pause_is_not_made_to_wait_for_company() -> None:
    consumer = Dripping(wet=4)
    assert gathered(consumer, within_s=1.0) == 1


def test_where_nothing_came_nothing_is_gathered() -> None:
    consumer = Dripping(wet=0)
    assert gathered(consumer) == 0
    assert consumer.asked == [(60.0, 100)]
