"""The clocks a worker needs, in one object, so that a test can hold them."""

import time
from datetime import UTC, datetime, timedelta

from django.db import connections

from saga.times import BorrowedClock, rfc3339


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

    Replicas on hosts that disagree would else wait for each other's retries as long as their clocks differ.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._server = BorrowedClock(self._ask, own=super()._now, monotonic=self.monotonic)

    def look(self) -> None:
        """Ask the server, unless that was done a moment ago. Raises DatabaseError."""
        self._server.look()

    def _now(self) -> datetime:
        return self._server.now()

    def _ask(self) -> datetime | None:
        if connections[self._alias].vendor != "postgresql":
            return None
        with connections[self._alias].cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            [theirs] = cursor.fetchone()
        return theirs.astimezone(UTC)  # type: ignore[no-any-return]
