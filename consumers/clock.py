"""The two clocks a worker needs, in one object, so that a test can hold both."""

import time
from datetime import UTC, datetime, timedelta

from saga.times import rfc3339


class Clock:
    """`monotonic` decides when (it never jumps); `now` tells people when."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()

    def now(self, *, in_s: float = 0.0) -> str:
        """Return the wall-clock time, or what it will be in so many seconds: RFC 3339 in UTC, to the microsecond."""
        return rfc3339(datetime.now(UTC) + timedelta(seconds=in_s))
