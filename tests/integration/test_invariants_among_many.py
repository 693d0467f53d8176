"""Among a thousand sagas, and when some were forgotten, the auditor finds what is wrong as it does among five."""

import pytest

from consumers.ledger import Change, Ledger
from dashboard.auditor import comparison
from dashboard.auditor.comparison import Comparison
from dashboard.auditor.invariants import AUDITOR
from dashboard.models import Board, Saga
from saga.definitions import ONBOARDING
from saga.participation import Entry, Status
from saga.topics import PARTICIPANTS, SERVICES
from tests.support.dashboard.auditor import assert_red, red
from tests.support.dashboard.breaches import (
    BREACHES,
    Breach,
    five_sagas,
    leave_a_gap,
    lose_an_effect,
    lose_saga,
    share_a_place,
)
from tests.support.dashboard.factories import STEPS, accept, compensation, finish, say
from tests.support.dashboard.ledgers import RECORD, do

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    return five_sagas()


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


AMONG_MANY = {
    "a saga is lost": (lose_saga, "accepted", "1005 accepted, 1003 ended, 1004 known"),
    "two sagas share a place": (share_a_place, "place of its own", "1003 ended, 1002 places"),
    "a place is left out": (lambda ids: leave_a_gap(ids, place=2_000), "place of its own", "the last is 2000"),
    **{what: BREACHES[what] for what in list(BREACHES)[3:]},
}


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
