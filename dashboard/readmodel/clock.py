"""What time it is, for all of the dashboard: the database server's time, where there is one, and not this host's.

What one process writes down another one compares with the time it knows: a saga's last progress, say, with its
deadline. Their hosts may disagree by an hour; the server does not disagree with itself.
"""

import time
from datetime import UTC, datetime

from django.db import connection

from saga.times import BorrowedClock, rfc3339


def look() -> None:
    """Ask the server, unless that was done a moment ago. Raises DatabaseError."""
    _SERVER.look()


def now() -> datetime:
    """Return the time in UTC. It asks nobody: `look` has done so."""
    return _SERVER.now()


def utc_now() -> str:
    """Return the time, RFC 3339 in UTC."""
    return rfc3339(now())


def _ask() -> datetime | None:
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
    return theirs.astimezone(UTC)  # type: ignore[no-any-return]


def _own() -> datetime:
    return datetime.now(UTC)


_SERVER = BorrowedClock(_ask, own=_own, monotonic=time.monotonic)
