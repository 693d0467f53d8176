"""Builders of messages and records: valid ones, of which a test changes what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from consumers.clock import Clock
from saga import wire
from saga.bus import Outgoing, Record
from saga.definitions import CHOREOGRAPHY, ONBOARDING
from saga.messages import Control, DeadLetter, Heartbeat, Kind, SagaMessage, Trace, TraceEvent, User

AT = "2026-01-01T00:00:00Z"
ADA = User(name="Ada Lovelace", department="Engineering")
RESULTS: dict[str, dict[str, Any]] = {
    "provision": {"device_id": "WS-1", "model": "Workstation"},
    "authorize": {"authorizations": ["mail", "calendar"]},
    "notify": {"email": "ada.lovelace@example.com"},
}


class HeldClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> str:
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)
        return now.isoformat().replace("+00:00", "Z")


def request(step: str | None = "provision", saga_id: str = "saga-1", **changes: Any) -> SagaMessage:
    """Return the request for a step of an onboarding, or for closing it (None)."""
    before = ONBOARDING.names_before(step)
    fields = {
        "saga_id": saga_id,
        "scenario": ONBOARDING.scenario,
        "style": CHOREOGRAPHY,
        "step": step,
        "user": ADA,
        "results": {name: RESULTS[name] for name in before},
        "hop": len(before),
    }
    return SagaMessage(**(fields | changes))


def event(kind: Kind = Kind.RECEIVED, **changes: Any) -> TraceEvent:
    fields = {"kind": kind, "service": "provisioner", "step": "provision", "attempt": 1, "at": AT, "hop": 0}
    return TraceEvent(**(fields | changes))


def trace(*events: TraceEvent, saga_id: str = "saga-1") -> Trace:
    return Trace(
        saga_id=saga_id, scenario=ONBOARDING.scenario, style=CHOREOGRAPHY, user=ADA, events=events or (event(),)
    )


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


def home_of(message: SagaMessage) -> str:
    """Return the topic where a message belongs."""
    return ONBOARDING.step(message.step).topic if message.step else ONBOARDING.closing_topic


def outgoing(message: wire.Payload, topic: str | None = None) -> Outgoing:
    """Return a message on its way, a saga's to where it belongs."""
    if isinstance(message, SagaMessage):
        topic = topic or home_of(message)
    return wire.encode(message, topic=topic or "anywhere", source="test", at=AT)


def record(value: bytes | None = b"{}", **changes: Any) -> Record:
    fields = {"topic": "new-user", "partition": 0, "offset": 0, "key": b"saga-1", "value": value}
    return Record(**(fields | changes))
