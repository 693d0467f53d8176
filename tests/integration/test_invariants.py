"""The auditor: content with what is right, and red for each thing that is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from consumers.inspection import Inspection, of_ledger
from consumers.ledger import Change, Ledger
from consumers.models import Effect, SagaLog
from dashboard.auditor import comparison
from dashboard.auditor.comparison import Comparison
from dashboard.auditor.invariants import AUDITOR, Auditor
from dashboard.models import Board, Saga
from dashboard.readmodel import outbox
from saga.definitions import COORDINATOR, DEFINITIONS, ONBOARDING, ORCHESTRATION, PACKAGE
from saga.participation import STANDING, Entry, Status
from saga.routing import End
from saga.topics import PARTICIPANTS, SERVICES
from tests.dash_factories import STEPS, accept, at, compensation, completion, finish, life_of, no_progress, say, trace
from tests.dash_ledgers import RECORD, do, log_end, note

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    """Two sagas completed, one half-way, one that waits, one compensated."""
    ids = accept(5)
    for saga_id in ids[:2]:
        do(saga_id, *STEPS)
        close = Entry(saga_id=saga_id, step="close", status=Status.DONE, result={}, version=1)
        Ledger("provisioner").record([Change(close, RECORD)])
    do(ids[2], "provision", "authorize")
    note(ids[4], Status.UNDONE, "provision")
    note(ids[4], Status.FAILED, "authorize")
    finish(ids[1], ids[0])
    say(compensation(ids[4], second=9))
    return ids


@pytest.fixture
def packages() -> list[str]:
    """Of two orchestrated packages, the first has completed and the second was compensated, as the log says."""
    good, bad = outbox.accept(PACKAGE, style=ORCHESTRATION, users=2)
    note(good, Status.DONE, "plane", "hotel", "tickets", scenario="package")
    note(bad, Status.UNDONE, "plane", "tickets", scenario="package")
    note(bad, Status.FAILED, "hotel", scenario="package")
    log_end(good, End.COMPLETED)
    log_end(bad, End.COMPENSATED)
    as_package = {"scenario": "package", "style": ORCHESTRATION}
    say(trace(good, *completion(good).events, **as_package), trace(bad, *compensation(bad).events, **as_package))
    return [good, bad]


def red() -> dict[str, str]:
    return {check["name"]: check["detail"] for check in AUDITOR.report()["checks"] if not check["ok"]}


def effects(step: str, saga_id: str, scenario: str = "onboarding") -> Any:
    service = DEFINITIONS[scenario].step(step).service
    return Effect.objects.using(service).filter(saga_id=saga_id, step=step)


def test_an_empty_board_holds() -> None:
    assert AUDITOR.report()["ok"]


def test_everything_holds_while_sagas_are_under_way(ids: list[str], packages: list[str]) -> None:
    report = AUDITOR.report()
    assert report["ok"], red()
    assert len(report["checks"]) == 8
    assert all(check["detail"] for check in report["checks"])


def test_an_adopted_saga_holds_as_well(ids: list[str]) -> None:
    do("foreign", *STEPS)
    say(*life_of("foreign"))
    assert red() == {}


def test_a_step_that_was_refused_in_advance_is_nothing_left(ids: list[str]) -> None:
    effects("authorize", ids[4]).update(status=str(Status.REFUSED))
    assert red() == {}


def lose_saga(ids: list[str]) -> None:
    Saga.objects.filter(saga_id=ids[3]).delete()


def share_a_place(ids: list[str]) -> None:
    Saga.objects.filter(saga_id__in=ids[:2]).update(finished=1)


def leave_a_gap(ids: list[str], *, place: int = 7) -> None:
    Saga.objects.filter(saga_id=ids[0]).update(finished=place)


def lose_an_effect(ids: list[str]) -> None:
    effects("notify", ids[0]).delete()


def undo_a_completed_one(ids: list[str]) -> None:
    effects("notify", ids[0]).update(status=str(Status.UNDONE))


def keep_a_device(ids: list[str]) -> None:
    effects("provision", ids[4]).update(status=str(Status.DONE))


def do_it_for_a_stranger(ids: list[str]) -> None:
    do("stranger", "provision")


def be_late(ids: list[str]) -> None:
    Saga.objects.filter(saga_id=ids[2]).update(fed_offset=0, progress_at=at(0))


Breach = Callable[[list[str]], None]
BREACHES: dict[str, tuple[Breach, str, str]] = {
    "a saga is lost": (lose_saga, "accepted", "5 accepted, 3 ended, 4 known"),
    "two sagas share a place": (share_a_place, "place of its own", "3 ended, 2 places"),
    "a place is left out": (leave_a_gap, "place of its own", "the last is 7"),
    "a completed saga lacks an effect": (lose_an_effect, "every step", "notify: 1 lacking"),
    "a completed saga's step was undone": (undo_a_completed_one, "every step", "notify: 1 lacking"),
    "a compensated saga keeps its device": (keep_a_device, "nothing left", "provision: 1 left"),
    "an effect belongs to nobody": (do_it_for_a_stranger, "unknown saga", "provision: 1 of unknown sagas"),
    "a saga is late and nobody says so": (be_late, "within its deadline", "1 late without a word, 0 stuck"),
}

AMONG_MANY = {
    "a saga is lost": (lose_saga, "accepted", "1005 accepted, 1003 ended, 1004 known"),
    "two sagas share a place": (share_a_place, "place of its own", "1003 ended, 1002 places"),
    "a place is left out": (lambda ids: leave_a_gap(ids, place=2_000), "place of its own", "the last is 2000"),
    **{what: BREACHES[what] for what in list(BREACHES)[3:]},
}


@pytest.mark.parametrize(("breach", "name", "detail"), BREACHES.values(), ids=BREACHES)
def test_each_breach_turns_its_check_red(ids: list[str], breach: Breach, name: str, detail: str) -> None:
    breach(ids)
    assert_red(name, detail)


def lose_a_booking(packages: list[str]) -> None:
    effects("plane", packages[0], "package").delete()


def keep_a_booking(packages: list[str]) -> None:
    effects("tickets", packages[1], "package").update(status=str(Status.STUCK))


def forget_the_end(packages: list[str]) -> None:
    SagaLog.objects.using(COORDINATOR).filter(saga_id=packages[0]).delete()


def log_another_end(packages: list[str]) -> None:
    forget_the_end(packages)
    log_end(packages[0], End.COMPENSATED)


LOGGED: dict[str, tuple[Breach, str, str]] = {
    "a booking is lost": (lose_a_booking, "every step", "plane: 1 lacking"),
    "a booking is left": (keep_a_booking, "nothing left", "tickets: 1 left"),
    "the log does not know the end": (forget_the_end, "coordinator's log", "completed: 1 not so in the log"),
    "the log says another end": (log_another_end, "coordinator's log", "completed: 1 not so in the log"),
}


@pytest.mark.parametrize(("breach", "name", "detail"), LOGGED.values(), ids=LOGGED)
def test_each_breach_of_an_orchestrated_saga_turns_its_check_red(
    packages: list[str], breach: Breach, name: str, detail: str
) -> None:
    breach(packages)
    assert_red(name, detail)


def assert_red(name: str, detail: str) -> None:
    assert not AUDITOR.report()["ok"]
    [(red_name, red_detail)] = red().items()
    assert name in red_name
    assert detail in red_detail


@pytest.mark.parametrize("status", sorted(STANDING))
def test_whatever_was_done_and_not_taken_back_is_left(ids: list[str], status: Status) -> None:
    effects("provision", ids[4]).update(status=str(status))
    assert_red("nothing left", "provision: 1 left")


def test_a_late_saga_that_is_shown_as_stuck_holds(ids: list[str]) -> None:
    be_late(ids)
    say(no_progress(ids[2], since=1))
    assert red() == {}
    assert "1 stuck" in json.dumps(AUDITOR.report())


def test_a_saga_that_waits_in_the_outbox_is_not_late(ids: list[str]) -> None:
    Saga.objects.filter(saga_id=ids[3]).update(fed_offset=None, progress_at=at(0))
    assert red() == {}


class TamperedLedger(Inspection):
    """Shows each row twice. A true ledger refuses to hold it."""

    def __init__(self, service: str) -> None:
        shown = of_ledger(service).rows
        super().__init__(service, f"{shown} UNION ALL {shown}")


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
@pytest.mark.parametrize("is_ended", [True, False], ids=["of a saga that has ended", "of one under way"])
def test_an_effect_recorded_twice_turns_its_check_red(status: Status, is_ended: bool) -> None:
    [saga_id] = accept()
    note(saga_id, status, "provision")
    if is_ended:
        end = completion if status is Status.DONE else compensation
        do(saga_id, *(STEPS[1:] if status is Status.DONE else ()))
        say(end(saga_id))
    auditor = Auditor()
    auditor.add_ledger(TamperedLedger("provisioner"))
    for service in ("authorizer", "notifier"):
        auditor.add_ledger(of_ledger(service))
    [twice] = [check for check in auditor.report()["checks"] if not check["ok"]]
    assert "recorded twice" in twice["name"]
    assert twice["detail"] == "provision: 1 repeated"


def test_a_miscounted_board_turns_red(ids: list[str]) -> None:
    Board.objects.update(accepted=6)
    assert "6 accepted" in next(iter(red().values()))


def test_the_auditor_reads_every_ledger_and_only_reads(ids: list[str], packages: list[str]) -> None:
    before = everything()
    report = json.dumps(AUDITOR.report())
    assert "16 effects" in report
    assert "2 ends in the log" in report
    assert everything() == before


def everything() -> list[Any]:
    ledgers = [list(Effect.objects.using(service).values()) for service in PARTICIPANTS]
    return [*ledgers, list(SagaLog.objects.using(COORDINATOR).values())]


class TestForgetting:
    """Sagas that are being forgotten may look like anything; those that were are in no ledger, and are counted."""

    @pytest.mark.parametrize("what", ["nothing was deleted yet", "some services have deleted it", "all have"])
    def test_while_a_saga_is_being_forgotten_everything_holds(self, ids: list[str], what: str) -> None:
        Board.objects.update(forgotten=1)
        for service in {"nothing": (), "some": ("authorizer",)}.get(what.split()[0], PARTICIPANTS):
            Ledger(service).forget([ids[1]])
        assert red() == {}

    def test_when_it_was_everything_holds_and_it_is_told(self, ids: list[str]) -> None:
        forget_first(ids)
        assert red() == {}
        details = [check["detail"] for check in AUDITOR.report()["checks"]]
        assert "5 accepted, 3 ended, 4 known, 1 forgotten" in details

    def test_a_service_that_has_not_forgotten_it_turns_red(self, ids: list[str]) -> None:
        forget_first(ids)
        do(ids[1], "notify")
        assert_red("unknown saga", "notify: 1 of unknown sagas")

    def test_a_saga_that_was_lost_is_not_taken_for_forgotten(self, ids: list[str]) -> None:
        forget_first(ids)
        lose_saga(ids)
        assert_red("accepted", "3 known, 1 forgotten")

    def test_when_all_that_ended_were_forgotten_the_places_still_hold(self, ids: list[str]) -> None:
        for service in PARTICIPANTS:
            Ledger(service).forget([ids[0], ids[1], ids[4]])
        Saga.objects.filter(finished__lte=3).delete()
        Board.objects.update(forgotten=3, pruned=3)
        assert red() == {}


def forget_first(ids: list[str]) -> None:
    """Forget the saga that ended first."""
    for service in PARTICIPANTS:
        Ledger(service).forget([ids[1]])
    Saga.objects.filter(finished=1).delete()
    Board.objects.update(forgotten=1, pruned=1)


class TestAmongMany:
    """One breach among a thousand sagas, half of which were compensated, is found as it is among five."""

    @pytest.fixture(autouse=True)
    def _in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(comparison, "PART_SAGAS", 300)

    @pytest.fixture
    def among(self, ids: list[str]) -> list[str]:
        many = accept(1_000)
        done, undone = many[::2], many[1::2]
        write(done, dict.fromkeys(STEPS, Status.DONE))
        write(undone, {"provision": Status.UNDONE, "authorize": Status.FAILED})
        finish(*done)
        say(*(compensation(saga_id, second=1_000) for saga_id in undone))
        return ids

    def test_everything_holds(self, among: list[str]) -> None:
        assert red() == {}

    def test_saga_by_saga_everything_holds_too(self, among: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Where tallies differ though nothing is wrong, the answer takes longer, and is the same."""
        monkeypatch.setattr(Comparison, "_ledgers_agree", lambda *_: False)
        assert red() == {}

    @pytest.mark.parametrize(("breach", "name", "detail"), AMONG_MANY.values(), ids=AMONG_MANY)
    def test_each_breach_turns_its_check_red(self, among: list[str], breach: Breach, name: str, detail: str) -> None:
        breach(among)
        assert_red(name, detail)

    def test_an_effect_of_one_that_is_swapped_for_that_of_a_stranger_is_noticed(self, among: list[str]) -> None:
        """The counts are right then, and only the sums are not."""
        lose_an_effect(among)
        do("stranger", "notify")
        found = red()
        assert "notify: 1 lacking" in found.values()
        assert "notify: 1 of unknown sagas" in found.values()


def write(saga_ids: list[str], statuses: dict[str, Status]) -> None:
    for step, status in statuses.items():
        entries = [Entry(saga_id=one, step=step, status=status, result={}, version=1) for one in saga_ids]
        Ledger(ONBOARDING.step(step).service).record([Change(entry, RECORD) for entry in entries])
