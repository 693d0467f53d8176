"""Flags sagas that get nowhere: without this, a message that was lost is a saga that nobody ever hears of again."""

from dashboard.backstage.projector import GROUP
from dashboard.backstage.telling import SOURCE, tell
from dashboard.models import Saga
from dashboard.readmodel import clock
from dashboard.readmodel.clock import utc_now
from dashboard.readmodel.overdue import count_anew, overdue
from dashboard.readmodel.rows import state_of
from saga.bus import Bus, Place
from saga.messages import Kind, Trace, TraceEvent, User
from saga.topics import TRACE


class Deadlines:
    """A saga has `deadline_s` seconds for its next progress, counted anew with each progress.

    Nothing more is reported until the last reports have been read. By what is known until then the same sagas are
    overdue, and whoever has no time to read would get them again and again.
    """

    def __init__(self, bus: Bus, *, deadline_s: float) -> None:
        self._bus = bus
        self._producer = bus.producer()
        self._deadline_s = deadline_s
        self._last: list[Place] = []

    def run_once(self) -> bool:
        """Report what is overdue. Raises BrokerUnavailable, DatabaseError."""
        clock.look()
        count_anew()
        if self._is_read():
            late = overdue(self._deadline_s)
            self._last = tell(self._producer, [_stuck(saga, self._deadline_s) for saga in late]) if late else []
        return False

    def close(self) -> None:
        self._producer.close()

    def _is_read(self) -> bool:
        if not self._last:
            return True
        read_up_to = self._bus.committed_offsets(GROUP, [TRACE])
        return all(place.offset < read_up_to.get(place.topic_partition, 0) for place in self._last)


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
