"""How the dashboard tells of its own part in a saga: by trace events, as the services do."""

import logging
from collections.abc import Sequence

from saga import wire
from saga.bus import Place, Producer
from saga.event_lines import LOGGER, lines_of
from saga.messages import Trace
from saga.topics import TRACE

SOURCE = "dashboard"

events = logging.getLogger(LOGGER)


def tell(producer: Producer, traces: Sequence[Trace]) -> list[Place]:
    """Write them, wait until they are acknowledged, and log what was said. Raises BrokerUnavailable."""
    first = [(trace, trace.events[0]) for trace in traces]
    messages = [wire.encode(trace, topic=TRACE, source=event.service, at=event.at) for trace, event in first]
    places = producer.send(messages)
    if events.isEnabledFor(logging.INFO):
        for sentence, fields in lines_of(traces):
            events.info(sentence, extra=fields)
    return places
