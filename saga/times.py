"""How times look in messages and in databases, and how hosts whose clocks differ come to agree about them."""

from collections.abc import Callable
from datetime import datetime, timedelta

ASK_EVERY_S = 10.0


def rfc3339(at: datetime) -> str:
    """Return a time in UTC as RFC 3339 text; all such texts have one length, so they sort as the times do."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def checked(text: str) -> str:
    """Return a text if it is a time that exists: there is no 30 February. Raises ValueError."""
    datetime.fromisoformat(text)
    return text


def with_zone(text: str) -> str:
    """Return an RFC 3339 time, in any zone. Raises ValueError."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("the time has no zone")
    return text


class BorrowedClock:
    """Shows the time of a clock that is far away: it is asked now and then, in between seconds are counted.

    Hosts may disagree by an hour; whoever borrows the same clock does not. `ask` returns what it shows, in UTC, or None
    where there is no such clock, and then `own` is shown. `monotonic` gives seconds that never jump.
    """

    def __init__(
        self, ask: Callable[[], datetime | None], *, own: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._own = own
        self._monotonic = monotonic
        self._look_at = monotonic()
        self._shown: tuple[datetime, float] | None = None

    def look(self) -> None:
        """Ask, unless that was done a moment ago. Raises what `ask` raises."""
        asked_at = self._monotonic()
        if asked_at < self._look_at:
            return
        theirs, answered_at = self._ask(), self._monotonic()
        self._shown = (theirs, (asked_at + answered_at) / 2) if theirs else None
        self._look_at = answered_at + ASK_EVERY_S

    def now(self) -> datetime:
        """Return the time in UTC. Until it was asked for, it is the host's own."""
        if self._shown is None:
            return self._own()
        theirs, at = self._shown
        return theirs + timedelta(seconds=self._monotonic() - at)
