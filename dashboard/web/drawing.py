"""A saga as its own page draws it: the definition with where each step is, and the events with what each one means."""

import json
from datetime import datetime
from typing import Any

from saga.definitions import CHOREOGRAPHY, COORDINATOR, DEFINITIONS, Closing, Definition
from saga.messages import Reply
from saga.state import COMPENSATED, COMPENSATING, STUCK

# What a step does, and what its compensation does, for people.
DEEDS = {
    "provision": ("provision a device", "take the device back"),
    "authorize": ("grant authorizations", "revoke the authorizations"),
    "notify": ("send the e-mail", "correct it by another e-mail"),
    "car": ("book a car", "cancel the car"),
    "hotel": ("book a hotel room", "cancel the hotel room"),
    "flight": ("book a flight", "cancel the flight"),
    "plane": ("book plane tickets", "cancel the plane tickets"),
    "tickets": ("buy tourist tickets", "cancel the tourist tickets"),
}
# What an event can be in a saga: a message of some kind that was written, work, the end, or trouble.
ROLES = ("command", "event", "reply", "work", "end", "trouble")
TO_COME = "to come"
NOT_REACHED = "not reached"
NOT_NEEDED = "not needed"
UNDER_WAY = "under way"
TRYING_AGAIN = "trying again"
# Where the two halves of a step are, by the status of the step; None for what the rest of the saga decides.
HALVES: dict[str, tuple[str | None, str | None]] = {
    "waiting": (None, None),
    "received": (UNDER_WAY, None),
    "retrying": (TRYING_AGAIN, None),
    "failed": ("failed", "nothing to undo"),
    "done": ("done", None),
    "undoing": ("done", UNDER_WAY),
    "undo failed": ("done", TRYING_AGAIN),
    "stuck": ("done", "stuck"),
    "undone": ("done", "undone"),
    "refused": ("refused", "undone in advance"),
}

NOTHING_TO_UNDO = {
    "failed": "it had failed: nothing to undo",
    "refused": "it was not done, and never will be",
}


def stages_of(row: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the stages of a saga's definition, in order, each step with where it and its compensation are.

    What only another version knows is drawn as a chain.
    """
    steps = {step["name"]: step for step in row["steps"]}
    known = DEFINITIONS.get(row["scenario"])
    stages = [[step.name for step in stage] for stage in known.stages] if known else [[name] for name in steps]
    to_undo = _to_undo(row)
    return [[_drawn(steps[name], goes_back=_goes_back(row), to_undo=to_undo) for name in stage] for stage in stages]


def style_words(row: dict[str, Any]) -> str:
    definition = DEFINITIONS.get(row["scenario"])
    if definition is None:
        return "Only another version of the workshop knows this scenario."
    if row["style"] != CHOREOGRAPHY or not definition.closing:
        return "The coordinator gives the commands and collects the replies; all it knows is in its log."
    return _chain_words(definition, definition.closing)


def events_of(row: dict[str, Any], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events with what the page tells of each besides what it says itself."""
    return [
        {
            **event,
            "ref": _ref(event),
            "role": role_of(event, style=row["style"]),
            "goes_back": event["action"] == "undo" or event["kind"] == "compensated",
            "after": _after(row["started_at"], event["at"]),
            "error": "" if _note(event) else event["detail"].get("error") or "",
            "note": _note(event),
            "next_attempt_at": event["detail"].get("next_attempt_at"),
            "message": _pretty(event["payload"]),
            "headers": _pretty(event["headers"] or None),
            "detail": _pretty(event["detail"] or None),
        }
        for event in events
    ]


def role_of(event: dict[str, Any], *, style: str) -> str:
    """Return which of `ROLES` an event has."""
    kind, payload = event["kind"], event["payload"]
    if kind == "dead-lettered" or (kind == STUCK and event["step"] is None):
        return "trouble"
    if kind in ("completed", "compensated"):
        return "end"
    if kind in ("received", "retrying", "undoing", "undo failed", STUCK):
        return "work"
    if kind == "started":
        return "event" if style == CHOREOGRAPHY else "command"
    is_reply = isinstance(payload, dict) and payload.get("type") == Reply.TYPE and event["service"] != COORDINATOR
    return "reply" if is_reply else "event"


def _chain_words(definition: Definition, closing: Closing) -> str:
    services = " → ".join(step.service for step in definition.steps)
    return f"Each service tells the next: {services} → {closing.service}. A failure travels the same way back."


def _note(event: dict[str, Any]) -> str:
    """Return why there was nothing to undo, of a compensation that found nothing."""
    if event["kind"] != "undone":
        return ""
    return next((why for found, why in NOTHING_TO_UNDO.items() if event["detail"].get(found)), "")


def _goes_back(row: dict[str, Any]) -> bool:
    began = any(step["status"] == "failed" or HALVES.get(step["status"], (None, None))[1] for step in row["steps"])
    return began or row["rolling_back"] or row["status"] in (COMPENSATING, COMPENSATED)


def _to_undo(row: dict[str, Any]) -> tuple[str, ...]:
    """Return in which states of its first half a step will be undone: the coordinator waits for what is under way."""
    if row["ended_at"] is not None or not _goes_back(row):
        return ()
    return ("done",) if row["style"] == CHOREOGRAPHY else ("done", UNDER_WAY, TRYING_AGAIN)


def _drawn(step: dict[str, Any], *, goes_back: bool, to_undo: tuple[str, ...]) -> dict[str, Any]:
    do, undo = HALVES.get(step["status"], (step["status"], None))
    deed, undoing = DEEDS.get(step["name"], (step["name"], f"undo {step['name']}"))
    return {
        **step,
        "do": {
            "deed": deed,
            "state": do or (NOT_REACHED if goes_back else TO_COME),
            "attempts": step["attempts"],
        },
        "undo": {
            "deed": undoing,
            "state": undo or (TO_COME if do in to_undo else NOT_NEEDED),
            "attempts": step["undo_attempts"],
        },
        "result": result_words(step["result"]),
    }


def result_words(result: dict[str, Any] | None) -> str:
    """Return what a step achieved, but for what only machines want to know."""
    told = {name: value for name, value in (result or {}).items() if name != "message_id"}
    return ", ".join(", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in told.values())


def _ref(event: dict[str, Any]) -> str:
    """Return a name that the event keeps, wherever later ones put it in the order."""
    parts = (event[name] for name in ("step", "kind", "action", "attempt", "service", "topic", "partition", "offset"))
    return "/".join(map(str, parts))


def _after(started_at: str, at: str) -> str:
    seconds = (datetime.fromisoformat(at) - datetime.fromisoformat(started_at)).total_seconds()
    return f"+{max(0.0, seconds):.2f} s"


def _pretty(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
