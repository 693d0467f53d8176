"""Token buckets, the usual way to let a person hurry and to hold up a flood."""

import threading
from itertools import islice

WINDOW_S = 60.0
MOST = 10_000
# By so much the sum of many small waits may be off.
_GRAIN_S = 1e-4


class Buckets:
    """A bucket for each key: it holds a minute's worth, all of which may be taken at once, and fills again in a minute.

    What is asked for is granted while anything is left: a large request is let through, and the next one waits for it.
    Of a bucket nothing is kept but the moment when it is full again; from then on it is like one that was never used,
    and is forgotten. Safe for threads.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, *, per_minute: float, now: float, cost: int = 1) -> float:
        """Return 0 and take, or take nothing and return how many seconds to wait. A `cost` of 0 only asks."""
        one_s = WINDOW_S / per_minute
        with self._lock:
            full_at = max(self._full_at.get(key, now), now)
            wait_s = full_at - now + one_s - WINDOW_S
            if wait_s > _GRAIN_S:
                return wait_s
            if cost:
                self._full_at.pop(key, None)  # so that it stands last, as the one used last
                self._full_at[key] = full_at + cost * one_s
                self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Of those unused for longest, let go of what is full, and of others while there are too many."""
        for key in list(islice(self._full_at, 2)):
            if self._full_at[key] <= now or len(self._full_at) > self._most:
                del self._full_at[key]
