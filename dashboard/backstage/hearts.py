"""Hears the heartbeats of all services. Everybody who wants to know hears each of them: no group shares them out."""

from collections.abc import Callable
from contextlib import closing

from dashboard.backstage.incoming import read
from dashboard.backstage.telling import tell_letters
from dashboard.backstage.watch import Watch
from saga.bus import Bus
from saga.messages import DeadLetter
from saga.steering import Heartbeat
from saga.topics import HEARTBEAT

POLL_TIMEOUT_S = 1.0
BATCH_LIMIT = 500


class Hearts:
    """Begins at the end, for an old heartbeat says nothing about now.

    What is no heartbeat becomes a dead letter if `leads()`: one, however many listen.
    """

    def __init__(self, bus: Bus, *, watch: Watch, leads: Callable[[], bool]) -> None:
        self._bus = bus
        self._watch = watch
        self._leads = leads
        self._reader = bus.reader(HEARTBEAT, from_end=True)

    def run_once(self) -> bool:
        """Hear what is new, or wait for it. Raises BrokerUnavailable."""
        records = self._reader.poll(POLL_TIMEOUT_S, limit=BATCH_LIMIT)
        unreadable: list[DeadLetter] = []
        for beat, _ in read(Heartbeat, HEARTBEAT, records, unreadable):
            self._watch.hear(beat)
        if unreadable and self._leads():
            # Hardly ever, so no producer is kept waiting for it.
            with closing(self._bus.producer()) as producer:
                tell_letters(producer, unreadable)
        return bool(records)

    def close(self) -> None:
        self._reader.close()
