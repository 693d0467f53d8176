"""The auditor: content with what is right, and red for each thing that is wrong."""

import json
from datetime import timedelta
from typing import Any

import pytest

from consumers.inspection import Inspection, of_ledger
from consumers.models import Effect, SagaLog
from dashboard.auditor.invariants import AUDITOR, GRACE_S, Auditor
from dashboard.models import Board, Saga
from dashboard.readmodel import clock, outbox
from saga.definitions import COORDINATOR, ORCHESTRATION, PACKAGE
from saga.participation import STANDING, Status
from saga.routing import End
from saga.times import rfc3339
from saga.topics import PARTICIPANTS, SERVICES
from tests.support.dashboard.auditor import assert_red, red
from tests.support.dashboard.breaches import BREACHES, Breach, be_late, effects, five_sagas
from tests.support.dashboard.factories import (
    STEPS,
    accept,
    at,
    compensation,
    completion,
    life_of,
    no_progress,
    say,
    trace,
)
from tests.support.dashboard.ledgers import do, log_end, note

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    return five_sagas()


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


def test_an_empty_board_holds() -> None:
    assert AUDITOR.report()["ok"]


def test_everything_holds_while_sagas_are_under_way(ids: list[str], packages: list[str]) -> None:
    report = AUDITOR.report()
    assert report["ok"], red()
    assert len(report["checks"]) == 8
    assert all(check["detail"] for check in report["checks"])


def test_a_scenario_that_only_another_version_knows_breaks_nothing(ids: list[str], packages: list[str]) -> None:
    Saga.objects.filter(scenario="package").update(scenario="moon-shot")
    assert red() == {}


def test_an_adopted_saga_holds_as_well(ids: list[str]) -> None:
    do("foreign", *STEPS)
    say(*life_of("foreign"))
    assert red() == {}


def test_a_step_that_was_refused_in_advance_is_nothing_left(ids: list[str]) -> None:
    effects("authorize", ids[4]).update(status=str(Status.REFUSED))
    assert red() == {}


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


@pytest.mark.parametrize("status", sorted(STANDING))
def test_whatever_was_done_and_not_taken_back_is_left(ids: list[str], status: Status) -> None:
    effects("provision", ids[4]).update(status=str(status))
    assert_red("nothing left", "provision: 1 left")


def test_a_late_saga_that_is_shown_as_stuck_holds(ids: list[str]) -> None:
    be_late(ids)
    say(no_progress(ids[2], since=1))
    assert red() == {}
    assert "1 stuck" in json.dumps(AUDITOR.report())


@pytest.mark.parametrize(("seconds", "is_red"), [(-5, False), (5, True)], ids=["not yet over", "over"])
def test_a_late_saga_has_a_moment_to_be_flagged(ids: list[str], seconds: int, is_red: bool) -> None:
    be_late(ids)
    late = timedelta(seconds=AUDITOR.deadline_s + GRACE_S + seconds)
    Saga.objects.filter(saga_id=ids[2]).update(progress_at=rfc3339(clock.now() - late))
    assert ("1 late without a word, 0 stuck" in red().values()) == is_red


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
