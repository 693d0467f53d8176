"""Who leads: of any number of processes that project, one at a time does what only one may do.

A lease in the read model, by the clock of the database, which is the same for all. Whoever holds it looks before each
act. One that was paused in the middle of an act may finish it when another leads already, and does little harm: what
is fed twice the ledgers absorb, what is flagged twice is one event, and whoever was told something old is told again
what is asked of it. Only an order to fail or to crash that is given twice may be obeyed twice.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from dashboard import models

LEADER = "leader"
# Three renewals may fail before somebody else takes over.
VALID_FOR = timedelta(seconds=4)


class Lease:
    """Asks for the lead under the name of this process, once a second. One thread runs it, others ask `is_held`."""

    def __init__(self, holder: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._holder = holder
        self._clock = clock
        self._sure_until = float("-inf")

    def is_held(self) -> bool:
        """Is it certain that nobody else leads? By this process's own clock, so it is known without asking anybody."""
        return self._clock() < self._sure_until

    def run_once(self) -> bool:
        """Renew it, or take it when it has run out. Raises DatabaseError."""
        if not self.is_held():  # somebody may have put another database in the place of this one
            self._make()
        asked_at = self._clock()
        is_mine = self._take()
        self._sure_until = asked_at + VALID_FOR.total_seconds() if is_mine else float("-inf")
        return False

    def give_back(self) -> None:
        """Let another take over at once. Call it when everything that may run only once has ended."""
        self._sure_until = float("-inf")
        with suppress(DatabaseError):  # it runs out by itself
            models.Lease.objects.filter(name=LEADER, holder=self._holder).update(until=Now())

    def close(self) -> None:
        """It runs out by itself; after trouble with the database it is renewed, if that comes back in time."""

    def _make(self) -> None:
        free = models.Lease(name=LEADER, holder="", until=Now())
        models.Lease.objects.bulk_create([free], ignore_conflicts=True)

    def _take(self) -> bool:
        # A lease that reaches further than any is given for: the database's clock was set back.
        has_run_out = Q(until__lte=Now()) | Q(until__gt=Now() + 2 * VALID_FOR)
        free = models.Lease.objects.filter(Q(holder=self._holder) | has_run_out, name=LEADER)
        return bool(free.update(holder=self._holder, until=_from_now(VALID_FOR)))


def holder_now() -> str:
    """Return the name of the process that leads, or nothing. Raises DatabaseError."""
    lease = models.Lease.objects.filter(name=LEADER, until__gt=Now()).first()
    return lease.holder if lease else ""


def _from_now(time: timedelta) -> ExpressionWrapper:
    return ExpressionWrapper(Now() + time, output_field=DateTimeField())
