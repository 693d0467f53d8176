"""The message relay of the outbox: feeds accepted sagas to the broker, never more than it is sure to keep.

A broker may forget what is old without a word (the embedded one keeps 5 MiB a partition). So only a bounded number of
sagas is under way in it; the others wait in the database, however many there are. After a broker has lost its memory,
every unfinished saga is fed again from the start: what its services did already, their ledgers know and pass on. That
is also how a saga is driven on when somebody asks for it.
"""

import logging
import time

from django.db.models import Q

from dashboard.backstage.telling import SOURCE, tell
from dashboard.models import DeadLetter, Saga
from dashboard.readmodel import clock, outbox
from dashboard.readmodel.clock import utc_now
from dashboard.readmodel.rows import mark_fed, state_of
from saga import reports, routing, wire
from saga.bus import Bus, Outgoing, Place, TopicPartition
from saga.definitions import DEFINITIONS, definition_of
from saga.messages import Kind, SagaMessage, Trace, User
from saga.topics import SAGA_TOPICS

BATCH_LIMIT = 500
IDLE_S = 1.0
# For those that found no room, it is made by sagas that end, of which nobody needs to tell.
FULL_S = 0.1
# Clicks that are close together are one batch. And a click's row comes first: on few cores feeding would hold it up.
GATHER_S = 0.05
BY_HAND = "rolled back by hand"
_NEEDED = (
    "number saga_id scenario style user_name department started_at faults trace_id round roll_back_hop resolved_step "
    "state"
).split()

# What another version accepted, and this one does not know, waits for one that does.
_KNOWN = Q(scenario__in=DEFINITIONS)

log = logging.getLogger(__name__)


class Relay:
    """Feeds the broker of `bus`. One thread calls everything."""

    def __init__(self, bus: Bus, *, in_flight_limit: int) -> None:
        self._in_flight_limit = in_flight_limit
        self._more_wait = False
        self._feed_again_if_forgotten(bus)
        self._producer = bus.producer()
        if foreign := Saga.objects.filter(~_KNOWN, finished=None).count():
            log.warning("%d sagas wait for a version that knows their scenario; this one does not", foreign)
        outbox.news.set()

    def run_once(self) -> bool:
        """Feed what there is room for, or wait for news. Raises BrokerUnavailable; what was sent is then sent again."""
        if outbox.news.wait(FULL_S if self._more_wait else IDLE_S):
            time.sleep(GATHER_S)
        outbox.news.clear()
        clock.look()
        replayed = self._replay()
        return self._feed() or replayed

    def close(self) -> None:
        self._producer.close()

    def _feed(self) -> bool:
        room = max(0, min(BATCH_LIMIT, self._in_flight_limit - Saga.objects.under_way().count()))
        unfed = Saga.objects.unfed().filter(_KNOWN).order_by("number").only(*_NEEDED)
        waiting = list(unfed[: room + 1])
        sagas, self._more_wait = waiting[:room], len(waiting) > room
        if not sagas:
            return False
        wanted = [wanted_of(saga) for saga in sagas]
        now = utc_now()
        outgoing = [wire.encode(one, topic=routing.home_of(one), source=SOURCE, at=now) for one in wanted]
        places = self._producer.send(outgoing)
        tell(self._producer, [_started(*fed) for fed in zip(sagas, wanted, outgoing, places, strict=True)])
        mark_fed(((saga.number, saga.round, place) for saga, place in zip(sagas, places, strict=True)), at=now)
        return True

    def _replay(self) -> bool:
        """Send again what somebody has corrected."""
        letters = list(DeadLetter.objects.filter(replay__isnull=False, replayed_at=None)[:BATCH_LIMIT])
        if not letters:
            return False
        self._producer.send([_replayed(letter) for letter in letters])
        DeadLetter.objects.filter(id__in=[letter.id for letter in letters]).update(replayed_at=utc_now())
        return True

    def _feed_again_if_forgotten(self, bus: Bus) -> None:
        """A log that ends before a message we know it took has been lost."""
        fed = Saga.objects.under_way()
        known = list(fed.only("fed_topic", "fed_partition", "fed_offset"))
        # Asked afterwards: what another relay, which led until now, feeds meanwhile must not look like lost.
        ends = bus.end_offsets(SAGA_TOPICS)
        for saga in known:
            if saga.fed_offset >= ends.get(TopicPartition(saga.fed_topic or "", saga.fed_partition), 0):
                count = fed.update(fed_topic=None, fed_partition=None, fed_offset=None)
                log.info("the broker has lost its memory; feeding %d unfinished sagas again", count)
                return


def wanted_of(saga: Saga) -> SagaMessage:
    """Return the message that says what shall become of a saga: to be driven on, rolled back, or past a step."""
    start = routing.opening(
        definition_of(saga.scenario),
        saga_id=saga.saga_id,
        style=saga.style,
        user=User(name=saga.user_name, department=saga.department),
        round=saga.round,
        faults=outbox.faults_of(saga.faults),
        trace_id=saga.trace_id,
    )
    known = state_of(saga.state) if saga.resolved_step else None
    if known and saga.resolved_step in known.stuck_steps:  # until its service has said that it knows
        return routing.resolving(start, saga.resolved_step, hop=known.hop + 1, reason="undone by hand")
    if saga.roll_back_hop is not None:
        return routing.rolling_back(start, hop=saga.roll_back_hop, reason=BY_HAND)
    return start


def _started(saga: Saga, wanted: SagaMessage, outgoing: Outgoing, place: Place) -> Trace:
    """Return the report that a saga was started, or driven on for the `round`th time."""
    at = saga.started_at if saga.round == 1 else utc_now()
    event = reports.on_outgoing(Kind.STARTED, outgoing, wanted, service=SOURCE, step=None, attempt=saga.round, at=at)
    [trace] = reports.by_saga([(wanted, reports.placed(event, place))])
    return trace


def _replayed(letter: DeadLetter) -> Outgoing:
    value = letter.replay or ""
    headers = wire.headers(wire.traceparent_in(value))
    return Outgoing(topic=letter.topic, key=(letter.key or "").encode(), value=value.encode(), headers=headers)
