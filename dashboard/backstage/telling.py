"""How the dashboard tells of its own part in a saga: by trace events, as the services do."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from saga import wire
from saga.bus import Place, Producer
from saga.event_lines import LOGGER, letter_line, lines_of
from saga.messages import DeadLetter, Trace
from saga.topics import DEAD_LETTER, TRACE

SOURCE = "dashboard"

events = logging.getLogger(LOGGER)


def tell(producer: Producer, traces: Sequence[Trace]) -> list[Place]:
    """Write them, wait until they are acknowledged, and log what was said. Raises BrokerUnavailable."""
    first = [(trace, trace.events[0]) for trace in traces]
    messages = [wire.encode(trace, topic=TRACE, source=event.service, at=event.at) for trace, event in first]
    places = producer.send(messages)
    _log(lines_of(traces))
    return places


def tell_letters(producer: Producer, letters: Sequence[DeadLetter]) -> None:
    """The same for dead letters about what the dashboard could not read."""
    producer.send([wire.encode(one, topic=DEAD_LETTER, source=one.service, at=one.at) for one in letters])
    _log(map(letter_line, letters))


def _log(lines: Iterable[tuple[str, dict[str, Any]]]) -> None:
    if events.isEnabledFor(logging.INFO):
        for sentence, fields in lines:
            events.info(sentence, extra=fields)
