"""How a service says what it did: the trace events and dead letters made from the messages it handled."""

from collections.abc import Iterable
from typing import Any

from saga.bus import Outgoing, Place, Record
from saga.messages import DeadLetter, Kind, SagaMessage, Trace, TraceEvent

MAX_VALUE_CHARS = 4_000


def on_record(kind: Kind, record: Record, message: SagaMessage, **said: Any) -> TraceEvent:
    """Return an event about a message that was read; `said` are the event's own fields."""
    return TraceEvent(
        kind=kind,
        step=message.step,
        hop=message.hop,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=text_of(record.key),
        headers={name: text_of(value) or "" for name, value in record.headers},
        payload=text_of(record.value),
        **said,
    )


def on_outgoing(kind: Kind, outgoing: Outgoing, place: Place, message: SagaMessage, **said: Any) -> TraceEvent:
    """Return an event about a message that was written because of `message`, and stands at `place`."""
    return TraceEvent(
        kind=kind,
        step=message.step,
        hop=message.hop,
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        key=text_of(outgoing.key),
        headers={name: text_of(value) or "" for name, value in outgoing.headers},
        payload=text_of(outgoing.value),
        **said,
    )


def by_saga(events: Iterable[tuple[SagaMessage, TraceEvent]]) -> list[Trace]:
    """Return one trace message per saga, with its events in the order given."""
    gathered: dict[str, tuple[SagaMessage, list[TraceEvent]]] = {}
    for message, event in events:
        gathered.setdefault(message.saga_id, (message, []))[1].append(event)
    return [
        Trace(saga_id=m.saga_id, scenario=m.scenario, style=m.style, user=m.user, events=tuple(said))
        for m, said in gathered.values()
    ]


def dead_letter(record: Record, *, service: str, reason: str, at: str) -> DeadLetter:
    """Return the dead letter about a record, its value shortened to what a person would read."""
    return DeadLetter(
        service=service,
        reason=reason,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=text_of(record.key),
        value=(text_of(record.value) or "")[:MAX_VALUE_CHARS],
        at=at,
    )


def text_of(raw: bytes | None) -> str | None:
    """Return bytes as text that any database can hold: what is not UTF-8, and NUL, is escaped."""
    return None if raw is None else raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
