"""A saga's events, causes before effects, and dead letters, as the API shows them."""

import json
import math
from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from pydantic import TypeAdapter
from pydantic_core import from_json

from dashboard.models import DeadLetter, Saga, TraceRecord
from saga import tracing, wire
from saga.messages import Kind, Trace, TraceEvent
from saga.state import causal_key

_EVENT = TypeAdapter(TraceEvent)


def events_of(saga_id: str) -> list[dict[str, Any]]:
    """Return the events of a saga in causal order, each once; `seq` counts them from 1."""
    records = TraceRecord.objects.filter(saga_id=saga_id).order_by("id").values_list("message", flat=True)
    events: dict[str, TraceEvent] = {}
    for message in records:
        for event in wire.decode(Trace, message).events:
            events.setdefault(event.slot, event)
    in_order = sorted(events.values(), key=causal_key)
    in_order += [_of_letter(letter) for letter in DeadLetter.objects.about([saga_id]).order_by("id")]
    return [_row(seq, event) for seq, event in enumerate(in_order, start=1)]


def trace_of(saga: Saga) -> str:
    """Return the id of the trace that the saga's messages belong to."""
    return saga.trace_id or tracing.trace_id_of(saga.saga_id)


def dead_letters(*, after: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Return up to `limit` dead letters with ids below `after`, newest first, and the id to go on from, if any."""
    older = Q() if after is None else Q(id__lt=after)
    letters = list(DeadLetter.objects.filter(older).order_by("-id")[: limit + 1])
    return dead_letter_rows(letters[:limit]), letters[limit - 1].id if len(letters) > limit else None


def dead_letter_rows(letters: Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """Return the letters as the API shows them; those whose key is no saga's belong to none."""
    keys = [letter.key for letter in letters]
    known = set(Saga.objects.filter(saga_id__in=keys).values_list("saga_id", flat=True))
    return [_letter_row(letter, letter.key if letter.key in known else None) for letter in letters]


def _of_letter(letter: DeadLetter) -> TraceEvent:
    """Return a dead letter as an event. It has no hop, as nobody could read it; so it stands at the end."""
    return TraceEvent(
        kind=Kind.DEAD_LETTERED,
        service=letter.service,
        step=None,
        attempt=1,
        at=letter.at,
        hop=0,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        key=letter.key,
        payload=letter.value,
        detail={"error": letter.reason},
    )


def _letter_row(letter: DeadLetter, saga_id: str | None) -> dict[str, Any]:
    fields = ("id", "service", "reason", "topic", "partition", "offset", "key", "value", "at", "replayed_at")
    row = {name: getattr(letter, name) for name in fields}
    return row | {"saga_id": saga_id, "replay_asked": letter.replay is not None}


def _row(seq: int, event: TraceEvent) -> dict[str, Any]:
    row = _EVENT.dump_python(event, mode="json", exclude={"hop"})
    return {"seq": seq, **row, "payload": _parsed(event.payload)}


def _parsed(payload: str | None) -> Any:
    """Return a message as JSON where that is what any browser can read and a person would; else as the text it was.

    Python takes NaN, infinities and halves of characters for JSON too, and what is nested beyond reading.
    """
    if payload is None:
        return None
    try:
        from_json(payload, allow_inf_nan=False)
        return json.loads(payload, parse_float=_finite)
    except ValueError:
        return payload


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is more than a browser can count to")
    return number
