"""What must hold at every moment, checked against the services' own ledgers.

Sagas go on while this looks, so the order of reading matters: what is a consequence is read before its cause. A saga
that is seen ended was settled by every service before; an effect that is seen belongs to a saga accepted before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Count, Max, Q

from dashboard.deadlines import overdue
from dashboard.models import Board, Saga
from saga.definitions import DEFINITIONS, ORCHESTRATION
from saga.participation import STANDING, Status
from saga.state import COMPENSATED, COMPLETED, ENDED, STUCK

# How long after its deadline a saga may take to be flagged.
GRACE_S = 10.0

# Returns the (saga id, step, status) of each row in a service's ledger.
ReadLedger = Callable[[], Iterable[tuple[str, str, str]]]
# Returns the (saga id, end) of each saga that ended by the coordinator's log.
ReadLog = Callable[[], Iterable[tuple[str, str]]]
Verdict = tuple[bool, str]
# The saga ids of one step's effects, by status.
Effects = Mapping[str, list[str]]


class Auditor:
    """Compares the read model with the ledgers, which are handed in by service name, and with the coordinator's log."""

    def __init__(self, *, deadline_s: float = 60.0) -> None:
        self.deadline_s = deadline_s
        self._ledgers: dict[str, ReadLedger] = {}
        self._read_log: ReadLog = tuple

    def add_ledger(self, service: str, read: ReadLedger) -> None:
        self._ledgers[service] = read

    def add_log(self, read: ReadLog) -> None:
        self._read_log = read

    def report(self) -> dict[str, Any]:
        """Return {"ok", "checks": [{"name", "ok", "detail"}]}."""
        ended_before = Board.current().ended
        ended = _ended()
        log = dict(self._read_log())
        rows = self._rows()
        # Who had ended is known already; now the others, and those that have ended since.
        others = Saga.objects.filter(Q(finished=None) | Q(finished__gt=ended_before))
        everyone = set(others.values_list("saga_id", flat=True).iterator(10_000)).union(*ended.values())
        known = {step: set().union(*found.values()) for step, found in rows.items()}
        checks = [
            _check("each accepted saga is running or has ended", _sagas_counted()),
            _check("each ended saga has a place of its own in the order of finishing", _places_counted()),
            _check("each completed saga has every step done, by its service's ledger", _all_done(ended, rows)),
            _check("each compensated saga has nothing left, by every service's ledger", _none_left(ended, rows)),
            _check("each saga that was orchestrated ended as the coordinator's log says", _as_logged(ended, log)),
            _check("no effect is recorded twice: one device, one grant, one e-mail for a user", _once(rows, known)),
            _check("no effect belongs to an unknown saga", _of_somebody(known, everyone)),
            _check("each saga under way makes progress within its deadline, or is shown as stuck", self._in_time()),
        ]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    def _rows(self) -> dict[str, dict[str, list[str]]]:
        """Return the saga ids of all effects, by step and by status."""
        rows: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for read in self._ledgers.values():
            for saga_id, step, status in read():
                rows[step][status].append(saga_id)
        return rows

    def _in_time(self) -> Verdict:
        late = len(overdue(self.deadline_s + GRACE_S))
        stuck = Saga.objects.filter(status=STUCK).count()
        return not late, f"{late} late without a word, {stuck} stuck"


# This process's own; the wiring hands it the ledgers.
AUDITOR = Auditor()


def _check(name: str, verdict: Verdict) -> dict[str, Any]:
    ok, detail = verdict
    return {"name": name, "ok": ok, "detail": detail}


def _ended() -> dict[tuple[str, str, str], set[str]]:
    """Return the ids of ended sagas by (scenario, style, status)."""
    ended: dict[tuple[str, str, str], set[str]] = {}
    found = Saga.objects.filter(status__in=ENDED).values_list("scenario", "style", "status", "saga_id")
    for *kind, saga_id in found.iterator(10_000):
        ended.setdefault((kind[0], kind[1], kind[2]), set()).add(saga_id)
    return ended


def _where(found: Effects, statuses: Iterable[Status]) -> set[str]:
    return set().union(*(found.get(str(status), ()) for status in statuses))


def _sagas_counted() -> Verdict:
    board = Board.current()
    known = Saga.objects.filter(number__lte=board.accepted).count()
    return known == board.accepted, f"{board.accepted} accepted, {board.ended} ended, {known} known"


def _places_counted() -> Verdict:
    found = Saga.objects.exclude(finished=None).aggregate(
        ended=Count("finished"), places=Count("finished", distinct=True), last=Max("finished")
    )
    ok = found["ended"] == found["places"] == (found["last"] or 0)
    return ok, f"{found['ended']} ended, {found['places']} places, the last is {found['last'] or 0}"


def _all_done(ended: Mapping[tuple[str, str, str], set[str]], rows: Mapping[str, Effects]) -> Verdict:
    done = {step: _where(found, {Status.DONE}) for step, found in rows.items()}
    lacking: dict[str, int] = {}
    for scenario, saga_ids in _by_scenario(ended, COMPLETED):
        for step in DEFINITIONS[scenario].steps:
            lacking[step.name] = lacking.get(step.name, 0) + len(saga_ids - done.get(step.name, set()))
    return not any(lacking.values()), _counts(
        lacking, f"{_total(ended, COMPLETED)} completed sagas compared", "lacking"
    )


def _none_left(ended: Mapping[tuple[str, str, str], set[str]], rows: Mapping[str, Effects]) -> Verdict:
    compensated = set().union(*(saga_ids for _, saga_ids in _by_scenario(ended, COMPENSATED)))
    left = {step: len(compensated & _where(found, STANDING)) for step, found in rows.items()}
    return not any(left.values()), _counts(left, f"{len(compensated)} compensated sagas compared", "left")


def _as_logged(ended: Mapping[tuple[str, str, str], set[str]], log: Mapping[str, str]) -> Verdict:
    wrong = {
        status: sum(log.get(saga_id) != status for saga_id in saga_ids)
        for (_, style, status), saga_ids in ended.items()
        if style == ORCHESTRATION
    }
    return not any(wrong.values()), _counts(wrong, f"{len(log)} ends in the log", "not so in the log")


def _once(rows: Mapping[str, Effects], known: Mapping[str, set[str]]) -> Verdict:
    counted = {step: sum(map(len, found.values())) for step, found in rows.items()}
    repeated = {step: count - len(known[step]) for step, count in counted.items()}
    return not any(repeated.values()), _counts(repeated, f"{sum(counted.values())} effects", "repeated")


def _of_somebody(known: Mapping[str, set[str]], everyone: set[str]) -> Verdict:
    strangers = {step: len(saga_ids - everyone) for step, saga_ids in known.items()}
    return not any(strangers.values()), _counts(strangers, f"{len(everyone)} sagas known", "of unknown sagas")


def _by_scenario(ended: Mapping[tuple[str, str, str], set[str]], wanted: str) -> Iterable[tuple[str, set[str]]]:
    return [(scenario, saga_ids) for (scenario, _, status), saga_ids in ended.items() if status == wanted]


def _total(ended: Mapping[tuple[str, str, str], set[str]], wanted: str) -> int:
    return sum(len(saga_ids) for _, saga_ids in _by_scenario(ended, wanted))


def _counts(wrong: Mapping[str, int], fine: str, what: str) -> str:
    return ", ".join(f"{name}: {count} {what}" for name, count in wrong.items() if count) or fine
