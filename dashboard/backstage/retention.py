"""Forgets sagas that ended long ago, first in every service's ledger, then here.

In the order of finishing, a batch at a time: places are counted, so two numbers on the board say how far it has come.
Up to `forgotten` the services are told to forget, on a topic that all of them read; what their ledgers hold of these
sagas is compared with nothing any more. When all of them have committed that, the rows here are deleted, and `pruned`
follows. Whoever finds these two apart, after a crash, tells the services again: to forget twice is to forget.

A service that is stopped is waited for. So is anything that is still on its way (`dashboard.backstage.calm`): a message
that came again after its saga was forgotten would be worked on as if it were new.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Min, Q, QuerySet

from dashboard.backstage.calm import Calm
from dashboard.backstage.telling import SOURCE
from dashboard.models import Board, DeadLetter, Saga, TraceRecord
from dashboard.readmodel import clock
from dashboard.readmodel.clock import utc_now
from saga import wire
from saga.bus import Bus, Outgoing, Place, TopicPartition
from saga.steering import MAX_FORGOTTEN, Forget
from saga.times import rfc3339
from saga.topics import FORGET, SERVICES

# Sagas that are forgotten together, and rows of sagas that are deleted in one transaction.
BATCH_SAGAS = 5_000
DELETED_AT_ONCE = 200
# By then a broker may have dropped the message before everybody read it.
TELL_AGAIN_S = 3_600.0
# How long a message that somebody has sent again may take to be worked on, whoever was away.
REPLAYED_LATELY = timedelta(hours=1)


class Policy(NamedTuple):
    """How long, and how many, sagas that have ended are kept: so many days, and so many of the newest; 0 keeps all."""

    days: int
    sagas: int

    def last_to_forget(self, ended: Iterable[tuple[int, str]], *, newest: int, now: datetime) -> int:
        """Return the last place to forget, 0 if there is none.

        `ended` are (finished, time) in the order of finishing, of which nobody has been forgotten; `newest` is the last
        of all to finish. One that is to be kept keeps those behind it.
        """
        oldest = rfc3339(now - timedelta(days=self.days)) if self.days else ""
        last = 0
        for finished, at in ended:
            if at >= oldest and not (self.sagas and finished <= newest - self.sagas):
                break
            last = finished
        return last

    @property
    def keeps_all(self) -> bool:
        return not (self.days or self.sagas)


@dataclass(slots=True)
class _Told:
    """What the services were told: up to which saga, where the messages stand, and when (monotonic seconds)."""

    up_to: int
    places: Sequence[Place]
    at: float
    was_heard: bool = False


class Retention:
    """One thread calls everything. Two at a time, as when another process takes over, do no harm."""

    def __init__(self, bus: Bus, *, policy: Policy, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._policy = policy
        self._clock = clock
        self._calm = Calm(bus)
        self._told: _Told | None = None

    def run_once(self) -> bool:
        """Take the next step, if there is one. Raises BrokerUnavailable, DatabaseError; all is then done anew."""
        clock.look()
        board = Board.current()
        return self._go_on(board) if board.forgotten > board.pruned else self._begin(board)

    def close(self) -> None:
        """Nothing stays open: there is something to say once in a long while."""

    def _begin(self, board: Board) -> bool:
        """Choose the next sagas to be forgotten, if there are any and it is calm around them."""
        if self._policy.keeps_all:
            return False
        self._told = None
        if not self._last_due(board, of=1):
            self._calm = Calm(self._bus)
            return _delete_old_letters(self._policy.days)
        calm = self._calm.up_to()
        return calm > board.forgotten and self._mark(calm)

    def _last_due(self, board: Board, *, of: int) -> int:
        """Return which is the last to finish of so many that are due, 0 if the first is not."""
        rows = _between(board.forgotten, board.ended).order_by("finished")[:of]
        # By the clock of the dashboard; those of the services may be anywhere.
        times = rows.values_list("finished", "progress_at", "started_at")
        ended = ((finished, progress or started) for finished, progress, started in times)
        return self._policy.last_to_forget(ended, newest=board.ended, now=clock.now())

    @transaction.atomic
    def _mark(self, calm: int) -> bool:
        board = Board.locked()
        up_to = min(calm, self._last_due(board, of=BATCH_SAGAS), _first_replayed(board.forgotten) - 1)
        if up_to <= board.forgotten:
            return False
        # No longer to be sent again from here on.
        ids = _between(board.forgotten, up_to).values("saga_id")
        _delete_letters(board, DeadLetter.objects.about(ids))
        board.forgotten = up_to
        board.save()
        return True

    def _go_on(self, board: Board) -> bool:
        """Tell the services, or delete some of what all of them have forgotten."""
        told = self._told
        if told is None or told.up_to <= board.pruned or self._is_lost(told):
            told = self._told = self._tell(board)
        told.was_heard = told.was_heard or self._is_heard(told)
        if told.was_heard:
            _delete_some(told.up_to)
        return told.was_heard

    def _is_lost(self, told: _Told) -> bool:
        """Has the broker forgotten it, or may it have by now, before all of them heard it?"""
        if told.was_heard:
            return False
        return self._clock() - told.at > TELL_AGAIN_S or not _are_before(self._bus.end_offsets([FORGET]), told.places)

    def _tell(self, board: Board) -> _Told:
        ids = list(_between(board.pruned, board.forgotten).order_by("finished").values_list("saga_id", flat=True))
        messages = [_outgoing(ids[start : start + MAX_FORGOTTEN]) for start in range(0, len(ids), MAX_FORGOTTEN)]
        with closing(self._bus.producer()) as producer:
            places = producer.send(messages)
        return _Told(board.forgotten, places, self._clock())

    def _is_heard(self, told: _Told) -> bool:
        """Has every service forgotten what it was told to forget?"""
        return all(_are_before(self._bus.committed_offsets(name, [FORGET]), told.places) for name in SERVICES)


def _are_before(offsets: Mapping[TopicPartition, int], places: Iterable[Place]) -> bool:
    """Are all of these places below the offsets? The topic may have more partitions than it needs."""
    return all(offsets.get(place.topic_partition, 0) > place.offset for place in places)


def _between(after: int, up_to: int) -> QuerySet[Saga]:
    return Saga.objects.filter(finished__gt=after, finished__lte=up_to)


def _outgoing(saga_ids: list[str]) -> Outgoing:
    return wire.encode(Forget(saga_ids=tuple(saga_ids)), topic=FORGET, source=SOURCE, at=utc_now())


def _first_replayed(after: int) -> int:
    """Return the first place above `after` of a saga of which somebody has sent a message again a short while ago."""
    lately = Q(replayed_at=None) | Q(replayed_at__gt=rfc3339(clock.now() - REPLAYED_LATELY))
    letters = DeadLetter.objects.filter(lately, replay__isnull=False)
    found = Saga.objects.filter(finished__gt=after, saga_id__in=letters.values("key")).aggregate(first=Min("finished"))
    return found["first"] or 2**63 - 1


@transaction.atomic
def _delete_some(up_to: int) -> None:
    """Delete what the read model has of the next sagas that all services have forgotten."""
    board = Board.locked()
    last = min(up_to, board.pruned + DELETED_AT_ONCE)
    if last <= board.pruned:  # another process was faster
        return
    some = _between(board.pruned, last)
    ids = list(some.values_list("saga_id", flat=True))
    TraceRecord.objects.filter(saga_id__in=ids).delete()
    _delete_letters(board, DeadLetter.objects.about(ids))
    some.delete()
    board.pruned = last
    board.save()


def _delete_old_letters(days: int) -> bool:
    """Delete dead letters that belong to no saga, when their time has come."""
    if not days:
        return False
    oldest = rfc3339(clock.now() - timedelta(days=days))
    strays = DeadLetter.objects.filter(at__lt=oldest).exclude(key__in=Saga.objects.values("saga_id"))
    ids = list(strays.values_list("id", flat=True)[:DELETED_AT_ONCE])
    if ids:
        with transaction.atomic():
            board = Board.locked()
            _delete_letters(board, DeadLetter.objects.filter(id__in=ids))
            board.save()
    return bool(ids)


def _delete_letters(board: Board, letters: QuerySet[DeadLetter]) -> None:
    """Delete them, and let every page hear that there are fewer."""
    if letters.delete()[0]:
        board.next_seq()
