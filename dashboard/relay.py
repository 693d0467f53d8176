"""The message relay of the outbox: feeds accepted sagas to the broker, never more than it is sure to keep.

A broker may forget what is old without a word (the embedded one keeps 5 MiB a partition). So only a bounded number of
sagas is under way in it; the others wait in the database, however many there are. After a broker has lost its memory,
every unfinished saga is fed again from the start: what its services did already, their ledgers know and pass on.
"""

import logging
from dataclasses import replace

from dashboard import outbox
from dashboard.models import Saga
from dashboard.rows import mark_fed
from saga import reports, routing, wire
from saga.bus import Bus, Outgoing, Place, TopicPartition
from saga.definitions import DEFINITIONS, definition_of
from saga.messages import Kind, User
from saga.topics import TRACE

SOURCE = "dashboard"
BATCH_LIMIT = 500
IDLE_S = 1.0
_NEEDED = ("number", "saga_id", "scenario", "style", "user_name", "department", "started_at")

log = logging.getLogger(__name__)


class Relay:
    """Feeds the broker of `bus`. One thread calls everything."""

    def __init__(self, bus: Bus, *, in_flight_limit: int) -> None:
        self._in_flight_limit = in_flight_limit
        self._feed_again_if_forgotten(bus)
        self._producer = bus.producer()
        outbox.news.set()

    def run_once(self) -> bool:
        """Feed what there is room for, or wait for news. Raises BrokerUnavailable; what was sent is then sent again."""
        if not outbox.news.wait(IDLE_S):
            return self._feed()
        outbox.news.clear()
        return self._feed()

    def close(self) -> None:
        self._producer.close()

    def _feed(self) -> bool:
        under_way = Saga.objects.filter(finished=None).exclude(fed_offset=None).count()
        room = min(BATCH_LIMIT, self._in_flight_limit - under_way)
        if room <= 0:
            return False
        sagas = list(Saga.objects.filter(fed_offset=None).order_by("number").only(*_NEEDED)[:room])
        if not sagas:
            return False
        messages = [_opening(saga) for saga in sagas]
        outgoing = [
            wire.encode(message, topic=topic, source=SOURCE, at=saga.started_at)
            for saga, (topic, message) in zip(sagas, messages, strict=True)
        ]
        places = self._producer.send(outgoing)
        self._producer.send([_started(*fed) for fed in zip(sagas, messages, outgoing, places, strict=True)])
        mark_fed((saga.number, place) for saga, place in zip(sagas, places, strict=True))
        outbox.news.set()
        return True

    def _feed_again_if_forgotten(self, bus: Bus) -> None:
        """A log that ends before a message we know it took has been lost."""
        ends = bus.end_offsets(definition.opening_topic for definition in DEFINITIONS.values())
        fed = Saga.objects.filter(finished=None).exclude(fed_offset=None)
        for saga in fed.only("scenario", "fed_partition", "fed_offset").iterator():
            partition = TopicPartition(definition_of(saga.scenario).opening_topic, saga.fed_partition)
            if saga.fed_offset >= ends.get(partition, 0):
                count = fed.update(fed_partition=None, fed_offset=None)
                log.info("the broker has lost its memory; feeding %d unfinished sagas again", count)
                return


def _opening(saga: Saga) -> routing.Routed:
    user = User(name=saga.user_name, department=saga.department)
    return routing.opening(definition_of(saga.scenario), saga_id=saga.saga_id, style=saga.style, user=user)


def _started(saga: Saga, opening: routing.Routed, outgoing: Outgoing, place: Place) -> Outgoing:
    message = opening.message
    about = {"service": SOURCE, "attempt": 1, "at": saga.started_at}
    event = replace(reports.on_outgoing(Kind.STARTED, outgoing, place, message, **about), step=None)
    [trace] = reports.by_saga([(message, event)])
    return wire.encode(trace, topic=TRACE, source=SOURCE, at=saga.started_at)
