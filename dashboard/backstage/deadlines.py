"""Flags sagas that get nowhere: without this, a message that was lost is a saga that nobody ever hears of again."""

from datetime import timedelta

from dashboard.backstage.telling import SOURCE, tell
from dashboard.models import Saga
from dashboard.readmodel import clock
from dashboard.readmodel.clock import utc_now
from dashboard.readmodel.rows import state_of
from saga.bus import Bus
from saga.messages import Kind, Trace, TraceEvent, User
from saga.state import STUCK
from saga.times import rfc3339

BATCH_LIMIT = 500
# Nothing that somebody noted lies so far ahead, unless the clock was set back since.
AHEAD = timedelta(minutes=1)


class Deadlines:
    """A saga has `deadline_s` seconds for its next progress, counted anew with each progress."""

    def __init__(self, bus: Bus, *, deadline_s: float) -> None:
        self._producer = bus.producer()
        self._deadline_s = deadline_s

    def run_once(self) -> bool:
        """Report what is overdue. Raises BrokerUnavailable, DatabaseError."""
        clock.look()
        _count_anew()
        reports = [_stuck(saga, self._deadline_s) for saga in overdue(self._deadline_s)]
        if reports:
            tell(self._producer, reports)
        return False  # until somebody has read the reports, the same sagas are overdue

    def close(self) -> None:
        self._producer.close()


def overdue(deadline_s: float) -> list[Saga]:
    """Return sagas under way without progress for so many seconds, which nobody has flagged yet.

    One whose next attempt has its time is not among them: it waits, but not in vain.
    """
    limit = rfc3339(clock.now() - timedelta(seconds=deadline_s))
    under_way = Saga.objects.filter(finished=None, fed_offset__isnull=False).exclude(status=STUCK)
    late = under_way.filter(progress_at__lt=limit).order_by("number")[:BATCH_LIMIT]
    return [saga for saga in late if not any(limit < at <= _ahead() for at in _next_attempts(saga))]


def _count_anew() -> None:
    """Let the deadline of a saga run from now if its last progress lies ahead: else it would run for hours."""
    Saga.objects.filter(finished=None, progress_at__gt=_ahead()).update(progress_at=utc_now())


def _ahead() -> str:
    return rfc3339(clock.now() + AHEAD)


def _next_attempts(saga: Saga) -> list[str]:
    return [step.next_attempt_at for step in state_of(saga.state).steps if step.next_attempt_at]


def _stuck(saga: Saga, deadline_s: float) -> Trace:
    known = state_of(saga.state)
    event = TraceEvent(
        kind=Kind.STUCK,
        service=SOURCE,
        step=None,
        attempt=known.progress,  # found again after some progress, it is another event
        at=utc_now(),
        hop=known.hop,
        detail={"progress": known.progress, "error": f"no progress for {deadline_s:g} s"},
    )
    user = User(name=saga.user_name, department=saga.department)
    return Trace(
        saga_id=saga.saga_id,
        scenario=saga.scenario,
        style=saga.style,
        user=user,
        events=(event,),
        trace_id=saga.trace_id,
    )
