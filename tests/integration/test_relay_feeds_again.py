"""A broker that has forgotten what it was fed is fed again, and no other is."""

from collections.abc import Iterable

import pytest

from dashboard.models import Saga
from saga.bus import TopicPartition
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import accept, finish, life_of, saga, say
from tests.support.dashboard.relay import fed, openings, run, under_way

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eager_relay")]


def test_a_broker_that_forgot_is_fed_all_unfinished_sagas_again_and_only_those(bus: MemoryBus) -> None:
    ids = accept(6)
    run(bus, limit=4)
    finish(ids[2])
    bus.restart()
    run(bus)
    assert sorted(fed(bus)) == sorted({*ids} - {ids[2]})
    assert saga(ids[2]).fed_offset is not None


def test_after_a_loss_of_memory_too_no_more_than_the_limit_is_under_way(bus: MemoryBus) -> None:
    accept(8)
    run(bus, limit=3)
    bus.restart()
    run(bus, limit=3)
    assert (len(fed(bus)), under_way()) == (3, 3)


def test_a_broker_that_has_no_such_partition_any_more_is_fed_again(bus: MemoryBus) -> None:
    """As where it was started anew with fewer of them."""
    [saga_id] = accept()
    run(bus)
    Saga.objects.update(fed_partition=6)
    run(bus)
    assert fed(bus) == [saga_id] * 2
    first, again = openings(bus)
    assert first == again


def test_a_broker_that_remembers_is_not_fed_again_after_a_restart_of_the_relay(bus: MemoryBus) -> None:
    ids = accept(4)
    run(bus)
    run(bus)
    assert fed(bus) == ids


def test_an_adopted_saga_does_not_look_like_a_loss_of_memory(bus: MemoryBus) -> None:
    [saga_id] = accept()
    run(bus)
    say(life_of("foreign")[0])
    run(bus)
    assert fed(bus) == [saga_id]


def test_what_another_relay_feeds_while_the_broker_is_asked_does_not_look_lost(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = accept()
    run(bus)
    [second] = accept()
    ask = bus.end_offsets

    def ask_and_be_overtaken(topics: Iterable[str]) -> dict[TopicPartition, int]:
        ends = ask(topics)
        monkeypatch.setattr(bus, "end_offsets", ask)
        run(bus)  # the one that led until now
        return ends

    monkeypatch.setattr(bus, "end_offsets", ask_and_be_overtaken)
    run(bus)
    assert fed(bus) == [first, second]
