"""What a browser is shown: rows, counters and services, read from the read model at one moment."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from dashboard.models import Board, Saga, Service
from dashboard.readmodel import clock
from dashboard.readmodel.rows import count_listed
from dashboard.readmodel.services import in_order
from dashboard.readmodel.services import row_of as service_row
from saga.state import ENDED

PAGE_LIMIT = 1_000

_FIELDS = (
    "number saga_id seq scenario style status reason started_at ended_at stuck_at finished overtook overtaken "
    "user_name department"
).split()


_STEP_FIELDS = "name service status attempts undo_attempts result error next_attempt_at".split()


class AnotherBoard(Exception):
    """Raised when another board has taken the place of the one that was shown, or an older state of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Part of the board as of `seq`: rows of sagas, changed services, all counters.

    `older` is the number before which there are more sagas, if there are; `is_cut` says that more has changed; `run` is
    the name of the board, for views that are complete.
    """

    seq: int
    sagas: list[dict[str, Any]]
    services: list[dict[str, Any]]
    counters: dict[str, int]
    older: int | None = None
    run: str | None = None
    is_cut: bool = False


def row_of(saga: Saga) -> dict[str, Any]:
    """Return a saga as the API and the sockets show it."""
    row = {name: getattr(saga, name) for name in _FIELDS}
    row["steps"] = [{name: step[name] for name in _STEP_FIELDS} for step in json.loads(saga.state)["steps"]]
    row["rolling_back"] = saga.roll_back_hop is not None
    row["user"] = {"name": row.pop("user_name"), "department": row.pop("department")}
    return row


def snapshot(*, trace: bool) -> View:
    """Return the newest sagas, newest first, and everything else, all at least as new as `seq`."""
    clock.look()
    board = Board.current()
    rows, older = page(before=None, filters=visible(trace=trace))
    services = [service_row(service) for service in in_order(Service.objects.all())]
    return View(seq=board.seq, sagas=rows, services=services, counters=_counters(board), older=older, run=board.run)


def changes(*, after: int, limit: int, run: str = "") -> View | None:
    """Return what changed after `after`, oldest change first; None if nothing did. Raises AnotherBoard than `run`.

    Where more than `limit` sagas changed, the view's `seq` is that of the last one in it: ask again from there. No
    transaction is needed: what changes while this reads has a higher number than the board had, and comes next time.
    """
    clock.look()
    board = Board.current()
    if run and (board.run != run or board.seq < after):
        raise AnotherBoard
    if board.seq <= after:
        return None
    new = {"seq__gt": after, "seq__lte": board.seq}
    rows = [row_of(saga) for saga in Saga.objects.filter(**new).order_by("seq")[:limit]]
    services = [service_row(service) for service in in_order(Service.objects.filter(**new))]
    is_cut = len(rows) == limit
    seq = rows[-1]["seq"] if is_cut else board.seq
    return View(seq=seq, sagas=rows, services=services, counters=_counters(board), is_cut=is_cut)


def changed_more_than(limit: int, *, after: int) -> bool:
    """Have more than `limit` sagas changed after `after`?"""
    return Saga.objects.filter(seq__gt=after).order_by("seq")[limit:].exists()


def page(*, before: int | None, filters: Q, limit: int = PAGE_LIMIT) -> tuple[list[dict[str, Any]], int | None]:
    """Return up to `limit` sagas with numbers below `before`, newest first, and the number to go on from, if any."""
    sagas: QuerySet[Saga] = Saga.objects.filter(filters).order_by("-number")
    if before is not None:
        sagas = sagas.filter(number__lt=before)
    rows = [row_of(saga) for saga in sagas[: limit + 1]]
    return rows[:limit], rows[limit - 1]["number"] if len(rows) > limit else None


def visible(*, trace: bool) -> Q:
    """Return the filter for what a browser may see: without trace, only sagas that ended, or that are or were stuck."""
    return Q() if trace else Q(status__in=ENDED) | Q(stuck_at__isnull=False)


def without_steps(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what somebody who traces nothing may know: which sagas ended or got stuck, and nothing of how they did."""
    seen = [row for row in rows if row["status"] in ENDED or row["stuck_at"]]
    return [{name: row[name] for name in row if name != "steps"} for row in seen]


def _counters(board: Board) -> dict[str, int]:
    listed = count_listed()
    return {
        "accepted": board.accepted,
        "running": board.accepted - board.ended,
        "completed": board.completed,
        "compensated": board.compensated,
        "stuck": listed.stuck,
        "out_of_order": board.out_of_order,
        # Those that are listed, and not all that ever came: retention deletes them with their sagas.
        "dead_letters": listed.dead_letters,
        "waiting": listed.waiting,
    }
