"""What the log says of trace events: a sentence for each, and the fields by which programs find it.

Whose saga it is stays out of it: a log is read by many, and kept for long.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from saga.definitions import WHOLE
from saga.messages import DeadLetter, Trace, TraceEvent
from saga.tracing import trace_id_of

LOGGER = "workshop.events"
_OF_THE_EVENT = ("service", "step", "action", "attempt", "hop", "topic", "partition", "offset")
_OF_THE_DETAIL = ("error", "reason", "next_attempt_at")


def lines_of(traces: Iterable[Trace]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (sentence, fields) for each event. What an event does not have is no field."""
    for trace in traces:
        about = {"saga_id": trace.saga_id, "trace_id": trace.trace_id or trace_id_of(trace.saga_id)}
        about |= {"scenario": trace.scenario, "style": trace.style}
        for event in trace.events:
            yield f"{event.service}: {event.step or WHOLE} {event.kind}", about | _fields(event)


def letter_line(letter: DeadLetter) -> tuple[str, dict[str, Any]]:
    """Return the same of a message that could not be processed. Its key is the saga's id, if it is a saga's at all."""
    place = {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset}
    said = {"event": "dead-lettered", "service": letter.service, "saga_id": letter.key, "error": letter.reason}
    if letter.trace_id:
        said["trace_id"] = letter.trace_id
    return f"{letter.service}: a message was dead-lettered", said | place


def _fields(event: TraceEvent) -> dict[str, Any]:
    said: dict[str, Any] = {"event": str(event.kind), "happened_at": event.at}
    said |= {name: getattr(event, name) for name in _OF_THE_EVENT}
    said |= {name: event.detail.get(name) for name in _OF_THE_DETAIL}
    return {name: value for name, value in said.items() if value is not None}
