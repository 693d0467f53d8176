"""Old sagas are forgotten everywhere, and at every instant of it everything holds, whoever dies or is away."""

from collections.abc import Sequence

import pytest

from consumers.ledger import Ledger
from dashboard.backstage import retention
from dashboard.backstage.retention import Policy, Retention
from dashboard.models import Saga, Service, TraceRecord
from saga import wire
from saga.bus import Outgoing, Place
from saga.errors import BrokerUnavailable
from saga.topics import DEAD_LETTER, FORGET, PARTICIPANTS, SERVICES, TRACE
from tests.support.brokers.memory_bus import MemoryProducer
from tests.support.dashboard.factories import STEPS, at, completion, finish, saga, say, stuck_undo
from tests.support.dashboard.ledgers import do
from tests.support.sagas.factories import request
from tests.support.services.house import LONG_AGO, House, counts, kept, seven_sagas

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    return seven_sagas()


def traced() -> set[str]:
    return set(TraceRecord.objects.values_list("saga_id", flat=True))


def in_ledgers(ids: list[str]) -> set[str]:
    return {saga_id for service in PARTICIPANTS for saga_id, _ in Ledger(service).find(ids)}


def grow_old(*saga_ids: str) -> None:
    Saga.objects.filter(saga_id__in=saga_ids).update(progress_at=LONG_AGO)


def test_of_too_many_the_newest_are_kept_and_the_others_are_gone_everywhere(house: House, ids: list[str]) -> None:
    house.forget(sagas=2)
    assert kept() == ids[4:]
    assert traced() == set(ids[4:6])
    assert in_ledgers(ids) == set(ids[4:])
    assert counts() == (4, 4)


def test_what_is_too_old_is_forgotten_and_what_is_not_is_kept(house: House, ids: list[str]) -> None:
    grow_old(*ids[:3])
    house.forget(days=7)
    assert kept() == ids[3:]


def test_the_clocks_of_the_services_make_nothing_old(house: House, ids: list[str]) -> None:
    assert saga(ids[0]).ended_at == LONG_AGO
    house.forget(days=7)
    assert kept() == ids


def test_what_ended_since_it_was_calm_is_not_forgotten_yet(house: House, ids: list[str]) -> None:
    """Something of it may still be on its way, and would be worked on as if it were new."""
    grow_old(*ids[:6])
    keeper = house.keeper(days=7)
    house.work(keeper, cycles=2)
    do(ids[6], *STEPS[1:])
    finish(ids[6])
    grow_old(ids[6])
    keeper.run_once()
    assert counts() == (6, 0)


def test_where_nothing_is_due_nobody_is_asked_for_anything(house: House, ids: list[str]) -> None:
    house.forget(days=7, sagas=6)
    house.forget()
    assert (kept(), house.told(), counts()) == (ids, [], (0, 0))


def test_a_saga_under_way_is_never_forgotten_however_old(house: House, ids: list[str]) -> None:
    grow_old(*ids)
    Saga.objects.filter(saga_id=ids[6]).update(fed_offset=None)
    house.forget(days=1, sagas=1)
    assert kept() == ids[6:]


def test_a_stuck_saga_is_never_forgotten(house: House, ids: list[str]) -> None:
    say(stuck_undo(ids[6], "provision"))
    grow_old(*ids)
    house.forget(days=1)
    assert (kept(), saga(ids[6]).status) == (ids[6:], "stuck")


def test_each_message_names_a_bounded_number_of_sagas(
    house: House, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAX_FORGOTTEN", 2)
    house.forget(sagas=1)
    assert house.told() == [(ids[0], ids[1]), (ids[2], ids[3]), (ids[4],)]


def test_it_may_be_told_on_more_partitions_than_one(
    house: House, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAX_FORGOTTEN", 1)
    house.stop(*SERVICES)
    house.bus.create({FORGET: 16})
    house.start(*SERVICES)
    house.forget(sagas=1)
    assert (kept(), in_ledgers(ids), counts()) == (ids[5:], set(ids[5:]), (5, 5))


def test_many_are_forgotten_a_batch_at_a_time(house: House, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_SAGAS", 3)
    house.forget(sagas=1)
    assert [len(saga_ids) for saga_ids in house.told()] == [3, 2]
    assert kept() == ids[5:]


def test_a_service_that_is_stopped_is_waited_for(house: House, ids: list[str]) -> None:
    house.stop("notifier")
    house.forget(sagas=2)
    assert (kept(), counts()) == (ids, (4, 0))
    house.start("notifier")
    house.forget(sagas=2)
    assert (kept(), counts()) == (ids[4:], (4, 4))


def test_while_a_service_is_away_no_saga_is_forgotten(house: House, ids: list[str]) -> None:
    """What its ledger keeps to say again would be worked on as if it were new."""
    for number, name in enumerate(("notifier", "one-of-another-version"), start=1):
        Service.objects.create(name=name, lag_low_ms=0, lag_high_ms=0, seq=number)
    notifier = Service.objects.filter(name="notifier")
    notifier.update(view={"partitions": 6})
    keeper = house.keeper(sagas=2)
    house.work(keeper, cycles=2)
    notifier.update(view={"partitions": 0})
    house.work(keeper)
    assert (kept(), house.told()) == (ids, [])
    notifier.update(view={"partitions": 6})
    house.work(keeper, cycles=2)
    assert house.told() == []
    house.work(keeper)
    assert kept() == ids[4:]


def test_while_a_message_may_come_again_no_saga_is_forgotten(house: House, ids: list[str]) -> None:
    """Its offset is not committed, so it would be done anew if its row were gone."""
    house.bench.dials.lag_ms = (60_000, 60_000)
    house.bench.send(request(saga_id=ids[0]))
    house.forget(sagas=2)
    assert (kept(), house.told()) == (ids, [])
    house.bench.dials.lag_ms = (0, 0)
    house.bench.wait(60, *house.workers.values())
    read_all_that_was_said(house)
    house.forget(sagas=2)
    assert kept() == ids[4:]


def test_while_something_that_was_said_is_not_projected_no_saga_is_forgotten(house: House, ids: list[str]) -> None:
    """It would be taken for the first that is heard of a saga of somebody else."""
    house.bus.append(wire.encode(completion(ids[0]), topic=TRACE, source="t", at=at(0)))
    house.forget(sagas=2)
    assert kept() == ids
    read_all_that_was_said(house)
    house.forget(sagas=2)
    assert kept() == ids[4:]


def read_all_that_was_said(house: House) -> None:
    """Do what the projector does with what it has seen before."""
    reader = house.bus.consumer("projector", [TRACE, DEAD_LETTER], on_revoked=lambda _: None)
    reader.poll(0, limit=0)
    reader.commit(house.bus.end_offsets([TRACE, DEAD_LETTER]))
    reader.close()


@pytest.mark.parametrize("cycles", [1, 3, 4, 5, 6])
def test_after_a_crash_at_any_step_another_one_goes_on(house: House, ids: list[str], cycles: int) -> None:
    house.work(house.keeper(sagas=2), cycles=cycles)
    house.forget(sagas=2)
    assert (kept(), counts()) == (ids[4:], (4, 4))


def test_a_crash_between_telling_and_remembering_tells_it_again(
    house: House, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(MemoryProducer):
        def send(self, messages: Sequence[Outgoing]) -> list[Place]:
            super().send(messages)
            raise BrokerUnavailable("it is written, and nobody knows")

    with monkeypatch.context() as dying:
        dying.setattr(house.bus, "producer", lambda: Dying(house.bus, house.bus.lives))
        with pytest.raises(BrokerUnavailable):
            house.work(house.keeper(sagas=2))
    house.forget(sagas=2)
    assert kept() == ids[4:]
    assert house.told() == [tuple(ids[:4])] * 2


def test_a_broker_that_forgot_is_told_again(house: House, ids: list[str]) -> None:
    house.stop("notifier")
    keeper = house.keeper(sagas=2)
    house.work(keeper)
    house.stop(*house.workers)
    house.bus.restart()
    house.start(*SERVICES)
    house.forget(sagas=2)
    assert (kept(), counts()) == (ids[4:], (4, 4))


def test_what_a_broker_may_have_dropped_by_now_is_told_again(house: House, ids: list[str]) -> None:
    now = 0.0
    house.stop("notifier")
    keeper = Retention(house.bus, policy=Policy(0, 2), clock=lambda: now)
    house.work(keeper)
    now = retention.TELL_AGAIN_S + 1
    house.work(keeper)
    assert house.told() == [tuple(ids[:4])] * 2
