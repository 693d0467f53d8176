"""The clocks a worker needs, in one object, so that a test can hold them."""

import time
from datetime import UTC, datetime, timedelta

from django.db import connections

from saga.times import rfc3339

LOOK_EVERY_S = 10.0


class Clock:
    """`monotonic` decides when (it never jumps); `now` tells people when."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()

    def now(self, *, in_s: float = 0.0) -> str:
        """Return the wall-clock time, or what it will be in so many seconds: RFC 3339 in UTC, to the microsecond."""
        return rfc3339(self._now() + timedelta(seconds=in_s))

    def _now(self) -> datetime:
        return datetime.now(UTC)


class ServerClock(Clock):
    """Shows the time of the database server, where there is one, and not that of this host.

    Hosts may disagree by an hour, and a replica would then wait for another one's retries as long. What everybody asks
    is the same for all. It is asked now and then; in between, seconds are counted by the monotonic clock.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._look_at = 0.0
        self._shown: tuple[datetime, float] | None = None

    def look(self) -> None:
        """Ask the server, unless that was done a moment ago. Raises DatabaseError."""
        if self.monotonic() < self._look_at or connections[self._alias].vendor != "postgresql":
            return
        with connections[self._alias].cursor() as cursor:
            asked_at = self.monotonic()
            cursor.execute("SELECT clock_timestamp()")
            [theirs] = cursor.fetchone()
        answered_at = self.monotonic()
        self._shown = theirs.astimezone(UTC), (asked_at + answered_at) / 2
        self._look_at = answered_at + LOOK_EVERY_S

    def _now(self) -> datetime:
        if self._shown is None:
            return super()._now()
        theirs, at = self._shown
        return theirs + timedelta(seconds=self.monotonic() - at)
