"""What must hold at every moment, checked against the services' own ledgers.

Sagas go on while this looks, so the order of reading matters: what is a consequence is read before its cause. A saga
that is seen completed was recorded by every service before; an effect that is seen belongs to a saga accepted before.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Count, Max

from dashboard.models import Board, Saga
from saga.definitions import DEFINITIONS, Definition
from saga.state import COMPLETED

# Returns the (saga id, step) of each effect in a service's ledger.
ReadLedger = Callable[[], Iterable[tuple[str, str]]]


class Auditor:
    """Compares the read model with the ledgers, which are handed in by service name, in the order of their steps."""

    def __init__(self) -> None:
        self._ledgers: dict[str, ReadLedger] = {}

    def add_ledger(self, service: str, read: ReadLedger) -> None:
        self._ledgers[service] = read

    def report(self) -> dict[str, Any]:
        """Return {"ok", "checks": [{"name", "ok", "detail"}]}."""
        completed = _saga_ids(status=COMPLETED)
        steps = self._steps_done()
        everyone = _saga_ids()
        checks = [
            _check("each accepted saga is running or has ended", *_sagas_counted()),
            _check("each ended saga has a place of its own in the order of finishing", *_places_counted()),
            _check("each completed saga has every step in its service's ledger", *_all_done(completed, steps)),
            _check("no step was done before the one before it", *_in_order(steps)),
            _check("no effect is recorded twice: one device, one grant, one e-mail for a user", *_once(steps)),
            _check("no effect belongs to an unknown saga", *_known(steps, everyone)),
        ]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    def _steps_done(self) -> dict[str, list[str]]:
        """Return the saga ids by step, later steps read first."""
        done: dict[str, list[str]] = {}
        for service in reversed(list(self._ledgers)):
            for saga_id, step in self._ledgers[service]():
                done.setdefault(step, []).append(saga_id)
        return done


# This process's own; the wiring hands it the ledgers.
AUDITOR = Auditor()


def _check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}


def _saga_ids(**filters: str) -> set[str]:
    return set(Saga.objects.filter(**filters).values_list("saga_id", flat=True).iterator(10_000))


def _sagas_counted() -> tuple[bool, str]:
    board = Board.current()
    known = Saga.objects.filter(number__lte=board.accepted).count()
    return known == board.accepted, f"{board.accepted} accepted, {board.ended} ended, {known} known"


def _places_counted() -> tuple[bool, str]:
    found = Saga.objects.exclude(finished=None).aggregate(
        ended=Count("finished"), places=Count("finished", distinct=True), last=Max("finished")
    )
    ok = found["ended"] == found["places"] == (found["last"] or 0)
    return ok, f"{found['ended']} ended, {found['places']} places, the last is {found['last'] or 0}"


def _all_done(completed: set[str], steps: Mapping[str, list[str]]) -> tuple[bool, str]:
    lacking = {name: len(completed.difference(steps.get(name, ()))) for name in _step_names()}
    return not any(lacking.values()), _counts(lacking, f"{len(completed)} completed sagas compared", "lacking")


def _in_order(steps: Mapping[str, list[str]]) -> tuple[bool, str]:
    early = {}
    for definition in DEFINITIONS.values():
        for before, step in zip(definition.steps, definition.steps[1:], strict=False):
            early[step.name] = len(set(steps.get(step.name, ())).difference(steps.get(before.name, ())))
    return not any(early.values()), _counts(early, "every effect has its predecessor", "too early")


def _once(steps: Mapping[str, list[str]]) -> tuple[bool, str]:
    repeated = {name: len(saga_ids) - len(set(saga_ids)) for name, saga_ids in steps.items()}
    return not any(repeated.values()), _counts(repeated, f"{sum(map(len, steps.values()))} effects", "repeated")


def _known(steps: Mapping[str, list[str]], everyone: set[str]) -> tuple[bool, str]:
    strangers = {name: len(set(saga_ids).difference(everyone)) for name, saga_ids in steps.items()}
    return not any(strangers.values()), _counts(strangers, f"{len(everyone)} sagas known", "of unknown sagas")


def _step_names() -> list[str]:
    definitions: Iterable[Definition] = DEFINITIONS.values()
    return [step.name for definition in definitions for step in definition.steps]


def _counts(wrong: Mapping[str, int], fine: str, what: str) -> str:
    return ", ".join(f"{name}: {count} {what}" for name, count in wrong.items() if count) or fine
