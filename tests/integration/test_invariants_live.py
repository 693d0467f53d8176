"""The auditor looks while sagas go on: what happens between two of its looks is no breach, and stops nobody."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import pytest
from django.db import connections

from consumers.inspection import Inspection, Row, of_ledger, of_log
from consumers.ledger import Ledger
from consumers.log_store import SagaLogStore
from dashboard.auditor.invariants import Auditor
from dashboard.models import Board, Saga
from dashboard.readmodel import outbox
from saga.definitions import COORDINATOR, ORCHESTRATION, PACKAGE
from saga.digests import Tally
from saga.participation import Status
from saga.routing import End
from saga.saga_log import LogEntry, Mark
from saga.topics import PARTICIPANTS, SERVICES
from tests.support.dashboard.auditor import red
from tests.support.dashboard.factories import STEPS, accept, at, compensation, completion, finish, say, trace
from tests.support.dashboard.ledgers import do, log_end, note
from workshop.snapshots import snapshot

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES], transaction=True)


def meanwhile(act: Callable[[], None]) -> None:
    """Let another thread, with connections of its own, do this."""

    def run() -> None:
        try:
            act()
        except BaseException as error:
            trouble.append(error)
        finally:
            connections.close_all()

    trouble: list[BaseException] = []
    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert trouble == []


class Watched(Inspection):
    """Calls `looking`, elsewhere, before it counts, and before it is asked about single sagas."""

    def __init__(self, book: Inspection, looking: Callable[[str], None]) -> None:
        super().__init__(book.alias, book.rows)
        self._looking = looking

    def tallies(self) -> dict[tuple[str, str], Tally]:
        meanwhile(lambda: self._looking(self.alias))
        return super().tallies()

    def of(self, saga_ids: Sequence[str]) -> Iterator[Row]:
        meanwhile(lambda: self._looking(self.alias))
        return super().of(saga_ids)


def auditor(holding: Callable[[str], None], *, looking: Callable[[str], None] = lambda alias: None) -> Auditor:
    """Return an auditor of everything.

    Elsewhere `holding` is called whenever it has taken another snapshot, and `looking` whenever it looks into a ledger.
    """

    @contextmanager
    def hold(alias: str) -> Iterator[None]:
        with snapshot(alias):
            meanwhile(lambda: holding(alias))
            yield

    made = Auditor(snapshot=hold)
    for service in PARTICIPANTS:
        made.add_ledger(Watched(of_ledger(service), looking))
    made.add_log(Watched(of_log(COORDINATOR), looking))
    return made


def lives(alias: str) -> None:
    """Accept three sagas of either style; complete one, compensate another, and leave the third half-way."""
    done, undone, half = accept(3)
    do(done, *STEPS)
    note(undone, Status.UNDONE, *STEPS)
    do(half, STEPS[0])
    finish(done)
    say(compensation(undone, second=Board.current().ended))
    [packed] = outbox.accept(PACKAGE, style=ORCHESTRATION, users=1)
    note(packed, Status.DONE, "plane", "hotel", "tickets", scenario="package")
    log_end(packed, End.COMPLETED)
    say(trace(packed, *completion(packed).events, scenario="package", style=ORCHESTRATION))


def test_what_happens_while_the_auditor_looks_is_no_breach() -> None:
    lives("before")
    before = Board.current().ended
    assert red(auditor(lives, looking=lives)) == {}
    assert Board.current().ended > before + 4 * len(SERVICES)


def test_an_effect_that_is_lost_while_sagas_go_on_is_found() -> None:
    lives("before")
    [saga_id, *_] = Saga.objects.filter(status="completed").values_list("saga_id", flat=True)
    Ledger("notifier").forget([saga_id])
    assert list(red(auditor(lives, looking=lives)).values()) == ["notify: 1 lacking"]


def test_one_that_is_forgotten_everywhere_while_the_auditor_looks_is_no_breach() -> None:
    """It is in a ledger that is held, and the read model knows it no more: so all of it is looked at again."""
    [saga_id] = accept()
    do(saga_id, *STEPS)
    finish(saga_id)
    held: list[str] = []

    def forget_everywhere(alias: str) -> None:
        held.append(alias)
        if len(held) == len(SERVICES):  # the ledgers are held, and the read model is not yet
            Board.objects.update(forgotten=1)
            for service in PARTICIPANTS:
                Ledger(service).forget([saga_id])
            Saga.objects.all().delete()
            Board.objects.update(pruned=1)

    assert red(auditor(forget_everywhere)) == {}
    assert len(held) == 2 * (len(SERVICES) + 1)


def test_whoever_writes_need_not_wait_for_the_auditor() -> None:
    """Were a database locked, not held, writing would fail after the time-out."""
    written: list[str] = []

    def write(alias: str) -> None:
        saga_id = f"saga-{alias}"
        SagaLogStore(COORDINATOR).append({saga_id: (0, [LogEntry(mark=Mark.ABORT, hop=1, cause="x")])}, at=at(0))
        accept()
        do(accept()[0], *STEPS)
        written.append(alias)

    auditor(write).report()
    assert written == [*PARTICIPANTS, COORDINATOR, "default"]


def test_a_snapshot_is_of_the_moment_at_which_it_was_taken_and_ends() -> None:
    accept()
    with snapshot("default"):
        meanwhile(lambda: accept(2) and None)
        assert Saga.objects.count() == 1
    assert Saga.objects.count() == 3
