"""The auditor: content with what is right, and red for each thing that is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from consumers.ledger import Entry, Ledger
from consumers.models import Effect
from dashboard.invariants import AUDITOR, Auditor
from dashboard.models import Board, Saga
from saga.definitions import ONBOARDING
from saga.topics import SERVICES
from tests.dash_factories import STEPS, accept, at, finish, life_of, say

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


def do(saga_id: str, *steps: str) -> None:
    """Let the services record these steps, as they do."""
    for step in steps:
        Ledger(ONBOARDING.step(step).service).record([Entry(saga_id, step, {"for": step}, at(0))])


@pytest.fixture
def ids() -> list[str]:
    """Two sagas completed, one half-way, one that waits."""
    ids = accept(4)
    for saga_id in ids[:2]:
        do(saga_id, *STEPS)
        Ledger("provisioner").record([Entry(saga_id, "close", {}, at(0))])
    do(ids[2], "provision", "authorize")
    finish(ids[1], ids[0])
    return ids


def red() -> dict[str, str]:
    return {check["name"]: check["detail"] for check in AUDITOR.report()["checks"] if not check["ok"]}


def effects(step: str, saga_id: str) -> Any:
    return Effect.objects.using(ONBOARDING.step(step).service).filter(saga_id=saga_id, step=step)


def test_an_empty_board_holds() -> None:
    assert AUDITOR.report()["ok"]


def test_everything_holds_while_sagas_are_under_way(ids: list[str]) -> None:
    report = AUDITOR.report()
    assert report["ok"]
    assert len(report["checks"]) == 6
    assert all(check["detail"] for check in report["checks"])


def test_an_adopted_saga_holds_as_well(ids: list[str]) -> None:
    do("foreign", *STEPS)
    say(*life_of("foreign"))
    assert red() == {}


def lose_saga(ids: list[str]) -> None:
    Saga.objects.filter(saga_id=ids[3]).delete()


def share_a_place(ids: list[str]) -> None:
    Saga.objects.filter(saga_id__in=ids[:2]).update(finished=1)


def leave_a_gap(ids: list[str]) -> None:
    Saga.objects.filter(saga_id=ids[0]).update(finished=7)


def lose_an_effect(ids: list[str]) -> None:
    effects("notify", ids[0]).delete()


def lose_an_effect_half_way(ids: list[str]) -> None:
    effects("provision", ids[2]).delete()


def do_a_step_too_early(ids: list[str]) -> None:
    do(ids[3], "authorize")


def do_it_for_a_stranger(ids: list[str]) -> None:
    do("stranger", "provision")


BREACHES: dict[str, tuple[Callable[[list[str]], None], str, str]] = {
    "a saga is lost": (lose_saga, "accepted", "4 accepted, 2 ended, 3 known"),
    "two sagas share a place": (share_a_place, "place of its own", "2 ended, 1 places"),
    "a place is left out": (leave_a_gap, "place of its own", "the last is 7"),
    "a completed saga lacks an effect": (lose_an_effect, "every step", "notify: 1 lacking"),
    "an effect lost its predecessor": (lose_an_effect_half_way, "before the one before", "authorize: 1 too early"),
    "a step came too early": (do_a_step_too_early, "before the one before", "authorize: 1 too early"),
    "an effect belongs to nobody": (do_it_for_a_stranger, "unknown saga", "provision: 1 of unknown sagas"),
}


@pytest.mark.parametrize(("breach", "name", "detail"), BREACHES.values(), ids=BREACHES)
def test_each_breach_turns_its_check_red(
    ids: list[str], breach: Callable[[list[str]], None], name: str, detail: str
) -> None:
    breach(ids)
    assert not AUDITOR.report()["ok"]
    [(red_name, red_detail)] = red().items()
    assert name in red_name
    assert detail in red_detail


def test_an_effect_recorded_twice_turns_its_check_red() -> None:
    """The ledger itself refuses this, so it takes a ledger that has been tampered with."""
    [saga_id] = accept()
    auditor = Auditor()
    auditor.add_ledger("provisioner", lambda: [(saga_id, "provision")] * 2)
    [twice] = [check for check in auditor.report()["checks"] if not check["ok"]]
    assert "recorded twice" in twice["name"]
    assert twice["detail"] == "provision: 1 repeated"


def test_a_miscounted_board_turns_red(ids: list[str]) -> None:
    Board.objects.update(accepted=5)
    assert "5 accepted" in next(iter(red().values()))


def test_the_auditor_reads_every_ledger_and_only_reads(ids: list[str]) -> None:
    before = [list(Effect.objects.using(service).values()) for service in SERVICES]
    report = json.dumps(AUDITOR.report())
    assert "8 effects" in report
    assert [list(Effect.objects.using(service).values()) for service in SERVICES] == before


def test_what_happens_while_the_auditor_looks_is_no_breach() -> None:
    """A saga that is accepted, done and completed between two of its looks breaks nothing."""
    accept()
    auditor = Auditor()

    def reading(service: str) -> Callable[[], Any]:
        def read() -> Any:
            found = list(Ledger(service).effects())
            [saga_id] = accept()
            do(saga_id, *STEPS)
            finish(saga_id)
            return found

        return read

    for service in SERVICES:
        auditor.add_ledger(service, reading(service))
    assert [check for check in auditor.report()["checks"] if not check["ok"]] == []
