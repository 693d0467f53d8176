"""The two clocks a worker needs, in one object, so that a test can hold both."""

import time
from datetime import UTC, datetime


class Clock:
    """`monotonic` decides when (it never jumps); `now` tells people when."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()

    def now(self) -> str:
        """Return the wall-clock time, RFC 3339 in UTC with microseconds."""
        return datetime.now(UTC).isoformat().replace("+00:00", "Z")
