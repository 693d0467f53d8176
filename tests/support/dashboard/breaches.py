"""A board with some sagas, and each way in which what is written down of them can be wrong."""

from collections.abc import Callable
from typing import Any

from consumers.ledger import Change, Ledger
from consumers.models import Effect
from dashboard.models import Saga
from saga.definitions import DEFINITIONS
from saga.participation import Entry, Status
from tests.support.dashboard.factories import STEPS, accept, at, compensation, finish, say
from tests.support.dashboard.ledgers import RECORD, do, note


def five_sagas() -> list[str]:
    """Return two sagas completed, one half-way, one that waits, one compensated."""
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


def effects(step: str, saga_id: str, scenario: str = "onboarding") -> Any:
    service = DEFINITIONS[scenario].step(step).service
    return Effect.objects.using(service).filter(saga_id=saga_id, step=step)


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
