"""How a service says what it did: the trace events and dead letters made from the messages it handled."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from saga import tracing, wire
from saga.bus import Outgoing, Place, Record
from saga.messages import DeadLetter, Kind, Reply, SagaMessage, Trace, TraceEvent

# What a person would read of a message. More could make a report of it too large for the broker, and that would
# hold up its partition for ever.
MAX_CHARS = 8_000
MAX_DETAIL_CHARS = 4_000
"""Of an event's detail as JSON: every page is shown it, with a thousand others."""
MAX_HEADERS = 10
MAX_HEADER_CHARS = 200


def on_record(kind: Kind, record: Record, message: SagaMessage | Reply, **said: Any) -> TraceEvent:
    """Return an event about a message that was read; `said` are the event's own fields."""
    return on_outgoing(kind, record, message, partition=record.partition, offset=record.offset, **said)


def on_outgoing(kind: Kind, outgoing: Outgoing | Record, message: SagaMessage | Reply, **said: Any) -> TraceEvent:
    """Return an event about a message that is written because of `message`; `placed` tells later where it stands."""
    about = {"step": message.step, "action": message.action, "hop": message.hop} | said
    return TraceEvent(
        kind=kind,
        topic=outgoing.topic,
        key=text_of(outgoing.key, MAX_CHARS),
        headers=_headers(outgoing.headers),
        payload=text_of(outgoing.value, MAX_CHARS),
        **about,
    )


def detail_chars(detail: Mapping[str, Any]) -> int:
    """Return how many characters an event's detail has as JSON."""
    return len(_json(detail))


def why_untellable(result: dict[str, Any]) -> str:
    """Return why nobody could be told what a step achieved; nothing if everybody can."""
    try:
        told = _json({"result": result})
        raw = told.encode()
    except (TypeError, ValueError) as error:
        return f"its result is no JSON: {error}"
    if wire.holds_nul(raw):
        return "its result holds a NUL character, which no database would take"
    if len(told) > MAX_DETAIL_CHARS:
        return f"its result makes {len(told)} characters to tell; {MAX_DETAIL_CHARS} is the most"
    return ""


def _json(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail, ensure_ascii=False)


def placed(event: TraceEvent, place: Place) -> TraceEvent:
    """Return the event once its message is acknowledged, and stands at `place`."""
    return replace(event, partition=place.partition, offset=place.offset)


def by_saga(events: Iterable[tuple[SagaMessage, TraceEvent]]) -> list[Trace]:
    """Return one trace message per saga, with its events in the order given, each once however often it happened."""
    gathered: dict[str, tuple[SagaMessage, dict[str, TraceEvent]]] = {}
    for message, event in events:
        gathered.setdefault(message.saga_id, (message, {}))[1].setdefault(event.slot, event)
    return [_trace(message, tuple(said.values())) for message, said in gathered.values()]


def _trace(about: SagaMessage, events: tuple[TraceEvent, ...]) -> Trace:
    return Trace(
        saga_id=about.saga_id,
        scenario=about.scenario,
        style=about.style,
        user=about.user,
        events=events,
        trace_id=about.trace_id,
    )


def dead_letter(record: Record, *, service: str, reason: str, at: str) -> DeadLetter:
    """Return the dead letter about a record, shortened to what a person would read."""
    return DeadLetter(
        service=service,
        reason=legible(reason, MAX_CHARS),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        written_at=record.written_at,
        key=text_of(record.key, MAX_CHARS),
        value=text_of(record.value, MAX_CHARS),
        at=at,
        trace_id=tracing.trace_id_in(_headers(record.headers).get(tracing.HEADER)),
    )


def text_of(raw: bytes | None, limit: int | None = None) -> str | None:
    """Return bytes as text that any database can hold: what is not UTF-8, and NUL, is escaped.

    `limit` is the most characters that are wanted.
    """
    if raw is None:
        return None
    some = raw[: limit and 4 * limit]  # no character has more bytes
    return some.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:limit]


def legible(text: str, limit: int) -> str:
    """Return so many characters of a text that may hold anything, as `text_of` returns bytes."""
    return text_of(text.encode("utf-8", "surrogatepass"), limit) or ""


def _headers(headers: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    some = headers[:MAX_HEADERS]
    return {legible(name, MAX_HEADER_CHARS): text_of(value, MAX_HEADER_CHARS) or "" for name, value in some}
