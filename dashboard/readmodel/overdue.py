"""Which sagas get nowhere."""

from datetime import timedelta

from dashboard.models import Saga
from dashboard.readmodel import clock
from dashboard.readmodel.clock import utc_now
from dashboard.readmodel.rows import state_of
from saga.state import STUCK
from saga.times import rfc3339

BATCH_LIMIT = 500
# Nothing that somebody noted lies so far ahead, unless the clock was set back since.
AHEAD = timedelta(minutes=1)


def overdue(deadline_s: float) -> list[Saga]:
    """Return sagas under way without progress for so many seconds, which nobody has flagged yet.

    One whose next attempt has its time is not among them: it waits, but not in vain.
    """
    limit = rfc3339(clock.now() - timedelta(seconds=deadline_s))
    late = Saga.objects.under_way().exclude(status=STUCK).filter(progress_at__lt=limit).order_by("number")[:BATCH_LIMIT]
    return [saga for saga in late if not any(limit < at <= _ahead() for at in _next_attempts(saga))]


def count_anew() -> None:
    """Let the deadline of a saga run from now if its last progress lies ahead: else it would run for hours."""
    Saga.objects.under_way().filter(progress_at__gt=_ahead()).update(progress_at=utc_now())


def _ahead() -> str:
    return rfc3339(clock.now() + AHEAD)


def _next_attempts(saga: Saga) -> list[str]:
    return [step.next_attempt_at for step in state_of(saga.state).steps if step.next_attempt_at]
