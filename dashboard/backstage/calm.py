"""Tells which of the sagas that have ended nobody will ever hear of again, as long as no offset is set back.

A message that was worked on, and whose offset was not committed, comes again, and what it caused is then said again,
and so on down the saga. So it is not enough that a saga has ended. But when every reader has committed all that was in
the logs at one time, none of those messages comes again; what they caused in the meantime is worked on in the next such
round, and after as many rounds as a saga has messages, one after another, there is nothing left of it on the way.

What a ledger keeps to say again has no offset. Its service says it within seconds, but only while it is at work.
"""

from collections import deque
from collections.abc import Mapping

from dashboard.backstage.projector import GROUP
from dashboard.models import Board, Service
from saga.bus import Bus, TopicPartition
from saga.definitions import DEFINITIONS
from saga.topics import DEAD_LETTER, SAGA_TOPICS, TOPICS_BY_SERVICE, TRACE

# Forward and back, a command and a reply for each step; the message that starts it, and the one that tells of its end.
ROUNDS = 4 * max(len(definition.steps) for definition in DEFINITIONS.values()) + 2
_READ_BY = {**TOPICS_BY_SERVICE, GROUP: (TRACE, DEAD_LETTER)}


class Calm:
    """Looks at the cluster of `bus`. A reader that is away, or behind, keeps a round from ending."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ends: Mapping[TopicPartition, int] = {}
        self._ended: deque[int] = deque(maxlen=ROUNDS + 1)

    def up_to(self) -> int:
        """Return up to which saga, in the order of finishing, it is calm; 0 if that is not known yet.

        Each look can make it later ones. Raises BrokerUnavailable, DatabaseError.
        """
        if _is_somebody_away():
            self._ended.clear()
        elif all(self._has_passed(group) for group in _READ_BY):
            self._ended.append(Board.current().ended)
            self._ends = self._bus.end_offsets((*SAGA_TOPICS, TRACE, DEAD_LETTER))
        return self._ended[0] if len(self._ended) > ROUNDS else 0

    def _has_passed(self, group: str) -> bool:
        """Has a group committed all that was in its topics when the round began?"""
        ends = {at: end for at, end in self._ends.items() if end and at.topic in _READ_BY[group]}
        committed = self._bus.committed_offsets(group, _READ_BY[group]) if ends else {}
        return all(committed.get(at, 0) >= end for at, end in ends.items())


def _is_somebody_away() -> bool:
    """Is there a service that has nothing in its hands, and may have something in its ledger?"""
    services = Service.objects.filter(name__in=TOPICS_BY_SERVICE)  # not those that another version has
    return not all(service.view.get("partitions") for service in services)
