"""A saga's events, causes before effects, and dead letters, as the API shows them."""

import json
from typing import Any

from dashboard.models import DeadLetter, Event
from dashboard.projection import EVENT
from saga.state import causal_key


def events_of(saga_id: str) -> list[dict[str, Any]]:
    """Return the events of a saga in causal order; `seq` counts them in the order in which they arrived."""
    stored = Event.objects.filter(saga_id=saga_id).values_list("id", "event")
    events = sorted(((EVENT.validate_json(text), seq) for seq, text in stored), key=lambda pair: causal_key(pair[0]))
    return [_row(seq, EVENT.dump_python(event, mode="json")) for event, seq in events]


def dead_letter_row(letter: DeadLetter) -> dict[str, Any]:
    fields = ("id", "service", "reason", "topic", "partition", "offset", "key", "value", "at")
    return {name: getattr(letter, name) for name in fields} | {"saga_id": letter.key}


def _row(seq: int, event: dict[str, Any]) -> dict[str, Any]:
    del event["hop"]
    return {"seq": seq, **event, "payload": _parsed(event["payload"])}


def _parsed(payload: str | None) -> Any:
    """Return a message as JSON where it is JSON, else as the text it was."""
    try:
        return None if payload is None else json.loads(payload)
    except ValueError:
        return payload
