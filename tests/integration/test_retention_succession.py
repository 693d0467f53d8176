"""Whoever forgets old sagas may be paused, overtaken or followed by another one at any instant, and it does no harm."""

from collections.abc import Iterable

import pytest

from saga.bus import TopicPartition
from saga.topics import SERVICES
from tests.support.dashboard.auditor import red
from tests.support.services.house import House, counts, kept, seven_sagas

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    return seven_sagas()


def test_one_that_was_paused_while_another_one_took_over_deletes_nothing_too_early(
    house: House, ids: list[str]
) -> None:
    paused = house.keeper(sagas=3)
    house.work(paused, cycles=5)
    assert house.told() == [tuple(ids[:3])]
    house.forget(sagas=3)
    house.stop("notifier")
    house.forget(sagas=1)  # it has told them of two more, and the notifier has not heard it
    assert counts() == (5, 3)
    house.work(paused)
    assert (kept(), counts()) == (ids[3:], (5, 3))


def test_one_that_leads_again_after_another_one_did_goes_on_where_that_one_was(house: House, ids: list[str]) -> None:
    first = house.keeper(sagas=3)
    house.work(first, cycles=5)
    house.forget(sagas=3)
    house.stop("notifier")
    house.forget(sagas=1)  # it dies, having told all but the notifier of two more
    house.start("notifier")
    house.work(first)
    assert (kept(), counts()) == (ids[5:], (5, 5))


def test_one_that_is_overtaken_while_it_asks_who_has_heard_takes_nothing_back(
    house: House, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken = house.keeper(sagas=3)
    while not house.told():
        house.work(overtaken, cycles=1)
    ask = house.bus.committed_offsets

    def ask_and_be_overtaken(group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        monkeypatch.setattr(house.bus, "committed_offsets", ask)
        house.forget(sagas=1)
        assert counts() == (5, 5)
        return ask(group, topics)

    monkeypatch.setattr(house.bus, "committed_offsets", ask_and_be_overtaken)
    overtaken.run_once()
    assert (kept(), counts(), red()) == (ids[5:], (5, 5), {})
