"""Old sagas are forgotten everywhere, and at every instant of it everything holds, whoever dies or is away."""

from collections.abc import Sequence

import pytest
from django.db.models import Q

from consumers import worker
from consumers.ledger import Ledger
from consumers.worker import Worker
from dashboard.auditor.invariants import AUDITOR
from dashboard.backstage import calm, retention
from dashboard.backstage.retention import Policy, Retention
from dashboard.errors import NotFound
from dashboard.models import Board, DeadLetter, Saga, TraceRecord
from dashboard.readmodel import board, rescue
from dashboard.readmodel.clock import utc_now
from saga import wire
from saga.bus import Outgoing, Place
from saga.errors import BrokerUnavailable
from saga.steering import Forget
from saga.topics import DEAD_LETTER, FORGET, PARTICIPANTS, SERVICES, TRACE
from tests.dash_factories import STEPS, accept, at, completion, finish, letter, life_of, saga, say, stuck_undo
from tests.dash_ledgers import do
from tests.factories import request
from tests.memory_bus import MemoryProducer
from tests.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])

LONG_AGO = at(0)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)
    monkeypatch.setattr(calm, "ROUNDS", 2)
    monkeypatch.setattr(worker, "POLL_TIMEOUT_S", 0.0)
    monkeypatch.setattr(worker, "GATHER_S", 0.0)


class House:
    """All services at work, and whoever forgets."""

    def __init__(self) -> None:
        self.bench = Workbench()
        self.bus = self.bench.bus
        self.workers: dict[str, Worker] = {}
        self.start(*SERVICES)

    def start(self, *services: str) -> None:
        self.workers |= {name: self.bench.worker(name) for name in services}

    def stop(self, *services: str) -> None:
        for name in services:
            self.workers.pop(name).close()

    def keeper(self, *, days: int = 0, sagas: int = 0) -> Retention:
        return Retention(self.bus, policy=Policy(days, sagas))

    def work(self, keeper: Retention, *, cycles: int = 10) -> None:
        """Let all of them work for so many cycles, and look after each step whether everything holds."""
        for _ in range(cycles):
            keeper.run_once()
            for one in self.workers.values():
                one.run_once()
            assert red() == {}

    def forget(self, *, days: int = 0, sagas: int = 0) -> None:
        """Let them forget what is due."""
        keeper = self.keeper(days=days, sagas=sagas)
        self.work(keeper)
        keeper.close()

    def told(self) -> list[tuple[str, ...]]:
        """Return what the services were told to forget."""
        return [message.saga_ids for message in self.bench.read(Forget, FORGET)]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ids() -> list[str]:
    """Six sagas that have completed, in this order, each with its history; and one that is half-way."""
    ids = accept(7)
    for saga_id in ids[:6]:
        do(saga_id, *STEPS)
        say(*life_of(saga_id)[:-1])
    do(ids[6], STEPS[0])
    finish(*ids[:6])
    return ids


def red() -> dict[str, str]:
    return {check["name"]: check["detail"] for check in AUDITOR.report()["checks"] if not check["ok"]}


def kept() -> list[str]:
    """Return the ids of the sagas that the read model knows, in the order in which they were accepted."""
    return list(Saga.objects.order_by("number").values_list("saga_id", flat=True))


def traced() -> set[str]:
    return set(TraceRecord.objects.values_list("saga_id", flat=True))


def in_ledgers(ids: list[str]) -> set[str]:
    return {saga_id for service in PARTICIPANTS for saga_id, _ in Ledger(service).find(ids)}


def grow_old(*saga_ids: str) -> None:
    Saga.objects.filter(saga_id__in=saga_ids).update(progress_at=LONG_AGO)


def counts() -> tuple[int, int]:
    now = Board.current()
    return now.forgotten, now.pruned


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


class TestDeadLetters:
    def test_those_of_a_saga_go_with_it(self, house: House, ids: list[str]) -> None:
        say(letters=[letter(key=ids[0]), letter(key=ids[5], offset=18)])
        house.forget(sagas=2)
        assert DeadLetter.objects.get().key == ids[5]

    @pytest.mark.parametrize("key", [None, 0], ids=["of no saga", "of a forgotten saga"])
    def test_pages_hear_that_there_are_fewer(self, house: House, ids: list[str], key: int | None) -> None:
        say(letters=[letter(key=None if key is None else ids[key])])
        seen = board.changes(after=0, limit=100)
        assert seen
        house.forget(sagas=2, days=7)
        view = board.changes(after=seen.seq, limit=100)
        assert view
        assert view.counters["dead_letters"] == 0

    def test_while_a_saga_is_being_forgotten_none_of_its_messages_can_be_sent_again(
        self, house: House, ids: list[str]
    ) -> None:
        say(letters=[letter(key=ids[0])])
        found = DeadLetter.objects.get()
        house.stop("notifier")
        house.forget(sagas=2)
        assert counts() == (4, 0)
        with pytest.raises(NotFound):
            rescue.replay(found.id, None)

    @pytest.mark.parametrize("replayed_at", [None, utc_now()], ids=["is to be sent", "was sent a moment ago"])
    def test_a_saga_of_which_something_is_sent_again_is_kept_for_a_while(
        self, house: House, ids: list[str], replayed_at: str | None
    ) -> None:
        say(letters=[letter(key=ids[1])])
        DeadLetter.objects.update(replay="x", replayed_at=replayed_at)
        house.forget(sagas=2)
        assert kept() == ids[1:]
        DeadLetter.objects.update(replayed_at=LONG_AGO)
        house.forget(sagas=2)
        assert kept() == ids[4:]

    def test_those_of_no_saga_are_deleted_when_they_are_old(self, house: House, ids: list[str]) -> None:
        strays = [letter(key=None), letter(key="nobody", offset=18), letter(key="nobody", offset=19, at=utc_now())]
        say(letters=[*strays, letter(key=ids[6], offset=20)])
        house.forget(days=7)
        assert list(DeadLetter.objects.order_by("id").values_list("offset", flat=True)) == [19, 20]


class TestThePage:
    def test_whoever_asks_for_older_ones_gets_what_is_left(self, house: House, ids: list[str]) -> None:
        _, older = board.page(before=None, filters=Q(), limit=2)
        house.forget(sagas=2)
        rows, following = board.page(before=older, filters=Q(), limit=2)
        assert ([row["saga_id"] for row in rows], following) == ([ids[4]], None)

    def test_whoever_asks_for_those_that_are_gone_gets_none(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=2)
        assert board.page(before=3, filters=Q(), limit=2) == ([], None)

    def test_whoever_was_away_is_told_what_changed_of_those_that_are_left(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=2)
        view = board.changes(after=0, limit=100)
        assert view
        assert {row["saga_id"] for row in view.sagas} == set(ids[4:])
        assert view.seq == Board.current().seq

    def test_the_counters_go_on_counting_all_there_ever_were(self, house: House, ids: list[str]) -> None:
        before = board.snapshot(trace=True).counters
        house.forget(sagas=2)
        assert board.snapshot(trace=True).counters == before
        assert (before["accepted"], before["completed"]) == (7, 6)

    def test_places_go_on_where_they_were(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=1)
        do(ids[6], *STEPS[1:])
        finish(ids[6])
        assert (saga(ids[6]).finished, saga(ids[6]).overtook, saga(ids[6]).overtaken) == (7, 0, 0)
        assert red() == {}
