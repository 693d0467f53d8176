"""What must hold at every moment, checked against the services' own ledgers.

Sagas go on while this looks, so the order of reading matters: what is a consequence is read before its cause.

First, how many sagas had ended. Then each ledger, and after them the read model, is held as it is at one moment (a
snapshot, which stops nobody), and everything is asked of these. A saga that had ended at the first look was settled by
every service before its ledger was held, so it is compared. An effect in a ledger belongs to a saga that was accepted
before, so the read model, held last, knows it. All that lies between, sagas under way or ended since, is unsettled: it
may look like anything, and is compared with nothing but that it is known.

Sagas that are being forgotten are unsettled as well. Were one forgotten everywhere while the ledgers are held, the read
model would not know it any more: then all of it begins again.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Max, Q

from dashboard.auditor.comparison import Book, Comparison, Ended, Findings
from dashboard.models import Board, Saga
from dashboard.readmodel.overdue import overdue
from saga.state import STUCK

# How long after its deadline a saga may take to be flagged.
GRACE_S = 10.0

# Holds a database, named by its alias, as it is at one moment.
Snapshot = Callable[[str], AbstractContextManager[object]]
Verdict = tuple[bool, str]


class Auditor:
    """Compares the read model with the ledgers and the coordinator's log, which are handed in."""

    def __init__(self, *, snapshot: Snapshot = nullcontext, deadline_s: float = 60.0) -> None:
        self.snapshot = snapshot
        self.deadline_s = deadline_s
        self._ledgers: list[Book] = []
        self._log: Book | None = None
        self._turn = threading.Lock()
        self._looks = 0
        self._seen: dict[str, Any] | None = None

    def add_ledger(self, ledger: Book) -> None:
        self._ledgers.append(ledger)

    def add_log(self, log: Book) -> None:
        self._log = log

    def report(self) -> dict[str, Any]:
        """Return {"ok", "checks": [{"name", "ok", "detail"}]}, as it is after this was called.

        One looks at a time. All who ask meanwhile share the next look, which begins after each of them has asked.
        """
        looks_before = self._looks
        with self._turn:
            if self._looks == looks_before or self._seen is None:
                self._looks, self._seen = self._looks + 1, None
                self._seen = self._look()
            return self._seen

    def _look(self) -> dict[str, Any]:
        while True:
            before = Board.current()
            with ExitStack() as held:
                for book in (*self._ledgers, *([self._log] if self._log else [])):
                    held.enter_context(self.snapshot(book.alias))
                held.enter_context(self.snapshot(DEFAULT_DB_ALIAS))
                board = Board.current()
                if board.pruned == before.pruned:
                    return self._report(board, ended_before=before.ended)

    def _report(self, board: Board, *, ended_before: int) -> dict[str, Any]:
        known = Saga.objects.count()
        ended = Ended(after=board.forgotten, up_to=ended_before)
        found = Comparison(ended, _unsettled(board, ended_before), ledgers=self._ledgers, log=self._log).findings()
        checks = [
            _check("each accepted saga is running or has ended", _sagas_counted(board, known)),
            _check("each ended saga has a place of its own in the order of finishing", _places_counted(board)),
            _check("each completed saga has every step done, by its service's ledger", _all_done(found)),
            _check("each compensated saga has nothing left, by every service's ledger", _none_left(found)),
            _check("each saga that was orchestrated ended as the coordinator's log says", _as_logged(found)),
            _check("no effect is recorded twice: one device, one grant, one e-mail for a user", _once(found)),
            _check("no effect belongs to an unknown saga", _of_somebody(found, known)),
            _check("each saga under way makes progress within its deadline, or is shown as stuck", self._in_time()),
        ]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    def _in_time(self) -> Verdict:
        late = len(overdue(self.deadline_s + GRACE_S))
        stuck = Saga.objects.filter(status=STUCK).count()
        return not late, f"{late} late without a word, {stuck} stuck"


# This process's own; the wiring hands it the ledgers.
AUDITOR = Auditor()


def _check(name: str, verdict: Verdict) -> dict[str, Any]:
    ok, detail = verdict
    return {"name": name, "ok": ok, "detail": detail}


def _unsettled(board: Board, ended_before: int) -> list[str]:
    """Return the ids of the sagas under way, of those that ended since, and of those that are being forgotten."""
    # One after the other, because each has an index of its own.
    kinds = (Q(finished=None), Q(finished__gt=ended_before), Q(finished__lte=board.forgotten))
    found: set[str] = set()
    for kind in kinds:
        found.update(Saga.objects.filter(kind).values_list("saga_id", flat=True).iterator(10_000))
    return list(found)


def _sagas_counted(board: Board, known: int) -> Verdict:
    detail = f"{board.accepted} accepted, {board.ended} ended, {known} known{_forgotten(board)}"
    return known + board.pruned == board.accepted, detail


def _places_counted(board: Board) -> Verdict:
    ended = Saga.objects.filter(finished__isnull=False)
    count, places = ended.count(), ended.values("finished").distinct().count()
    last = ended.aggregate(last=Max("finished"))["last"] or board.pruned
    ok = count == places == last - board.pruned
    return ok, f"{count} ended, {places} places, the last is {last}{_forgotten(board)}"


def _forgotten(board: Board) -> str:
    return f", {board.pruned} forgotten" if board.pruned else ""


def _all_done(found: Findings) -> Verdict:
    return _verdict(found.lacking, f"{found.completed} completed sagas compared", "lacking")


def _none_left(found: Findings) -> Verdict:
    return _verdict(found.left, f"{found.compensated} compensated sagas compared", "left")


def _as_logged(found: Findings) -> Verdict:
    return _verdict(found.unlogged, f"{found.logged} ends in the log", "not so in the log")


def _once(found: Findings) -> Verdict:
    return _verdict(found.repeated, f"{found.effects} effects", "repeated")


def _of_somebody(found: Findings, known: int) -> Verdict:
    return _verdict(found.strange, f"{known} sagas known", "of unknown sagas")


def _verdict(wrong: Counter[str], fine: str, what: str) -> Verdict:
    detail = ", ".join(f"{name}: {count} {what}" for name, count in wrong.items() if count)
    return not detail, detail or fine
