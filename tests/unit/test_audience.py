"""What the bench says of two hundred browsers: that it would notice if one of them were not shown everything."""

import json
from typing import Any

from tests.bench.audience import delays_of_deltas, delays_of_ends, missed, wrong_rows
from tests.bench.viewers import Watched

NOON = 1767268800.0
DONE = {"saga_id": "a", "status": "completed", "ended_at": "2026-01-01T12:00:01.000000Z"}
UNDER_WAY = DONE | {"status": "running", "ended_at": None}


def frame(seq: int, row: dict[str, Any], kind: str = "delta") -> bytes:
    return json.dumps({"type": kind, "seq": seq, "now": "2026-01-01T12:00:00.000000Z", "sagas": [row]}).encode()


TEXTS = [frame(1, UNDER_WAY, "snapshot"), frame(2, UNDER_WAY), frame(3, DONE)]


def watched(*viewers: list[int]) -> Watched:
    """Viewers who received these texts, each half a second after the one before, from noon on."""
    receipts = [[(number, NOON + place / 2) for place, number in enumerate(numbers)] for numbers in viewers]
    return Watched(TEXTS, receipts)


def test_who_was_sent_everything_shows_what_the_read_model_has() -> None:
    assert wrong_rows(watched([0, 1, 2], [0, 2]), {"a": DONE}) == 0


def test_a_row_that_is_not_the_newest_is_wrong_for_each_viewer_who_shows_it() -> None:
    assert wrong_rows(watched([0, 1], [0, 1], [0, 1, 2]), {"a": DONE}) == 2


def test_a_saga_that_nobody_showed_is_wrong() -> None:
    assert wrong_rows(watched([0, 1, 2]), {"a": DONE, "b": DONE | {"saga_id": "b"}}) == 1


def test_a_viewer_who_was_not_sent_a_delta_missed_it() -> None:
    assert missed([watched([0, 1, 2], [0, 2])]) == 1


def test_a_viewer_of_another_process_missed_it_as_well() -> None:
    assert missed([watched([0, 1, 2]), watched([0, 1])]) == 1


def test_a_viewer_who_was_sent_nothing_missed_everything() -> None:
    assert missed([watched([0, 1, 2], [])]) == 1


def test_a_delta_that_came_twice_or_late_is_noticed() -> None:
    assert missed([watched([0, 1, 1, 2], [0, 2, 1], [0, 1, 2])]) == 2


def test_the_delay_of_a_delta_is_counted_from_its_own_time() -> None:
    assert list(delays_of_deltas(watched([0, 1, 2]))) == [500.0, 1000.0]


def test_the_delay_of_an_end_is_counted_once_from_when_it_was_said() -> None:
    assert list(delays_of_ends(watched([0, 1, 1, 2, 2]), {"a"}, within=(NOON, NOON + 2))) == [500.0]


def test_an_end_before_or_after_the_time_that_is_measured_does_not_count() -> None:
    saw = watched([0, 1, 2])
    assert [list(delays_of_ends(saw, {"a"}, within=(NOON + at, NOON + at + 0.5))) for at in (0, 1.5)] == [[], []]
