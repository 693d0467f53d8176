"""The crowd of the chaos: a web server that is away for a while neither changes who comes, nor is overrun."""

from random import Random
from typing import Any
from urllib.error import URLError

from tests.chaos.crowd import AGAIN_S, Batch, Crowd

AWAY = URLError(ConnectionRefusedError())
LOST = ConnectionResetError()


class Door:
    """Where sagas are asked for: before each request that is answered come these troubles. `waits` are pauses."""

    def __init__(self, *troubles: Exception) -> None:
        self.requests = 0
        self.waits: list[float] = []
        self._troubles = troubles
        self._ahead = list(troubles)

    def start_sagas(self, *, users: list[Any], **asked: Any) -> list[str]:
        self.requests += 1
        if self._ahead:
            raise self._ahead.pop()
        self._ahead = list(self._troubles)
        return [f"{self.requests} {user['name']}" for user in users]


def crowd_at(door: Any) -> Crowd:
    crowd = Crowd(door, Random(7), wait=door.waits.append)
    crowd.come(100)
    return crowd


def batches(crowd: Crowd) -> list[Batch]:
    return list({id(batch): batch for batch in crowd.accepted.values()}.values())


def test_the_same_seed_gives_the_same_crowd_though_the_web_server_is_away_at_times() -> None:
    assert batches(crowd_at(Door(AWAY, AWAY))) == batches(crowd_at(Door()))


def test_who_finds_nobody_waits_before_asking_again() -> None:
    door = Door(AWAY)
    crowd = crowd_at(door)
    assert door.waits == [AGAIN_S] * (door.requests // 2)
    assert crowd.unanswered == []


def test_a_request_whose_answer_was_lost_is_not_made_again() -> None:
    crowd = crowd_at(Door(LOST))
    assert crowd.unanswered
    assert all(batch not in crowd.unanswered for batch in batches(crowd))
