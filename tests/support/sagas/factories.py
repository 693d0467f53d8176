"""Builders of messages and records: valid ones, of which a test changes what it is about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from consumers.clock import Clock
from saga import routing, wire
from saga.bus import Outgoing, Record
from saga.definitions import CHOREOGRAPHY, CLOSE, DEFINITIONS, ONBOARDING, ORCHESTRATION
from saga.messages import Action, DeadLetter, Kind, Outcome, Reply, SagaMessage, Trace, TraceEvent, User
from saga.participation import Attempt, Entry, Status
from saga.state import SagaState, apply
from saga.steering import Control, Heartbeat
from saga.times import rfc3339

AT = "2026-01-01T00:00:00.000000Z"
LATER = "2026-01-01T00:00:00.500000Z"
ADA = User(name="Ada Lovelace", department="Engineering")
RESULTS: dict[str, dict[str, Any]] = {
    "provision": {"device_id": "WS-1", "model": "Workstation"},
    "authorize": {"authorizations": ["mail", "calendar"]},
    "notify": {"email": "ada.lovelace@example.com", "message_id": "<saga-1@saga-workshop.example.com>"},
    "car": {"booking": "CA-1"},
    "hotel": {"booking": "HO-1"},
    "flight": {"booking": "FL-1"},
    "plane": {"booking": "PL-1"},
    "tickets": {"booking": "TI-1"},
}


class HeldClock(Clock):
    """Stands still until it is moved; both of its faces move together."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self, *, in_s: float = 0.0) -> str:
        return rfc3339(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds + in_s))


def request(
    step: str | None = "provision", saga_id: str = "saga-1", *, scenario: str = "onboarding", **changes: Any
) -> SagaMessage:
    """Return the request for a step, or for the saga as a whole (None), with the results of all earlier steps."""
    definition = DEFINITIONS.get(scenario, ONBOARDING)
    before = definition.names_before(step) if step else tuple(one.name for one in definition.steps)
    fields = {
        "saga_id": saga_id,
        "scenario": scenario,
        "style": definition.styles[0],
        "step": step,
        "user": ADA,
        "results": {name: RESULTS[name] for name in before},
        "hop": len(before),
    }
    return SagaMessage(**(fields | changes))


def undo(step: str | None = "provision", saga_id: str = "saga-1", **changes: Any) -> SagaMessage:
    """Return the request to undo a step, or to roll back the saga as a whole (None)."""
    return request(step, saga_id, **({"action": Action.UNDO, "hop": 9, "reason": "it was not to be"} | changes))


def command(step: str, saga_id: str = "saga-1", *, scenario: str = "trip", **changes: Any) -> SagaMessage:
    """Return what a coordinator sends to have a step done."""
    return request(step, saga_id, scenario=scenario, **({"style": ORCHESTRATION} | changes))


def reply(message: SagaMessage, outcome: Outcome, **changes: Any) -> Reply:
    """Return what a participant answers to a command."""
    assert message.step
    fields = {
        "saga_id": message.saga_id,
        "scenario": message.scenario,
        "step": message.step,
        "action": message.action,
        "outcome": outcome,
        "hop": message.hop + 1,
        "round": message.round,
        "result": RESULTS[message.step] if outcome is Outcome.DONE else {},
        "reason": None if outcome is Outcome.DONE else message.reason or "no room",
    }
    return Reply(**(fields | changes))


def attempt(number: int = 1, action: Action = Action.DO, **changes: Any) -> Attempt:
    """Return an attempt that failed, with another one to come half a second later."""
    fields = {"action": action, "number": number, "round": 1, "error": "no route", "at": AT, "next_at": LATER}
    return Attempt(**(fields | changes))


def entry(status: Status = Status.DONE, step: str | None = "provision", **changes: Any) -> Entry:
    """Return a ledger's row in this status, as it would have come to it."""
    was_done = status in (Status.DONE, Status.UNDOING, Status.STUCK, Status.UNDONE)
    fields: dict[str, Any] = {
        "saga_id": "saga-1",
        "step": step or CLOSE,
        "status": status,
        "result": RESULTS.get(step or "", {}) if was_done else {},
        "attempts": _attempts(status),
        "decided_at": AT if was_done or status is Status.FAILED else None,
        "undone_at": AT if status in (Status.UNDONE, Status.REFUSED) else None,
        "version": 1,
    }
    return Entry(**(fields | changes))


def _attempts(status: Status) -> tuple[Attempt, ...]:
    action = Action.DO if status in (Status.TRYING, Status.FAILED) else Action.UNDO
    if status in (Status.TRYING, Status.UNDOING):
        return (attempt(action=action),)
    return (attempt(action=action, next_at=None),) if status in (Status.FAILED, Status.STUCK) else ()


def event(kind: Kind = Kind.RECEIVED, **changes: Any) -> TraceEvent:
    fields = {"kind": kind, "service": "provisioner", "step": "provision", "attempt": 1, "at": AT, "hop": 0}
    return TraceEvent(**(fields | changes))


def trace(*events: TraceEvent, saga_id: str = "saga-1") -> Trace:
    return Trace(
        saga_id=saga_id, scenario=ONBOARDING.scenario, style=CHOREOGRAPHY, user=ADA, events=events or (event(),)
    )


def fold(state: SagaState, events: Iterable[TraceEvent]) -> SagaState:
    """Return the state after all of these events."""
    return reduce(apply, events, state)


def dead_letter(**changes: Any) -> DeadLetter:
    fields = {
        "service": "provisioner",
        "reason": "the message is empty",
        "topic": "new-user",
        "partition": 1,
        "offset": 7,
        "key": "saga-1",
        "value": "",
        "at": AT,
    }
    return DeadLetter(**(fields | changes))


def heartbeat(**changes: Any) -> Heartbeat:
    fields = {
        "service": "provisioner",
        "instance": "1a2b3c4d",
        "pid": 4711,
        "host": "laptop",
        "state": "running",
        "detail": "",
        "partitions": ("new-user/0", "notified/0"),
        "in_flight": 2,
        "handled": 40,
        "beat": 3,
        "at": AT,
    }
    return Heartbeat(**(fields | changes))


def control(service: str = "provisioner", **changes: Any) -> Control:
    return Control(**({"service": service, "running": True, "lag_ms": (0, 0)} | changes))


def outgoing(message: wire.Payload, topic: str | None = None) -> Outgoing:
    """Return a message on its way, a saga's to where it belongs."""
    if isinstance(message, SagaMessage):
        topic = topic or routing.home_of(message)
    return wire.encode(message, topic=topic or "anywhere", source="test", at=AT)


def record(value: bytes | None = b"{}", **changes: Any) -> Record:
    fields = {"topic": "new-user", "partition": 0, "offset": 0, "key": b"saga-1", "value": value}
    return Record(**(fields | changes))
