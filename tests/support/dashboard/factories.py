"""Builders for tests of the dashboard: what services would have said, and boards on which they have said it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dashboard.models import Board, Saga
from dashboard.readmodel import outbox
from dashboard.readmodel.projection import project
from saga import wire
from saga.bus import Outgoing
from saga.definitions import CHOREOGRAPHY, COORDINATOR, ONBOARDING, TRIP, Definition
from saga.messages import Action, DeadLetter, Kind, StepFault, Trace, TraceEvent, User
from saga.steering import Heartbeat
from saga.topics import TRACE, partitions_by_topic
from tests.support.brokers.memory_bus import MemoryBus

ADA = User(name="Ada Lovelace", department="Engineering")
STEPS = tuple(step.name for step in ONBOARDING.steps)
REASON = "the building is closed"


def at(second: int) -> str:
    return f"2026-01-01T{12 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000001Z"


def memory_bus() -> MemoryBus:
    return MemoryBus(partitions_by_topic(6))


def event(kind: Kind, step: str | None = None, *, of: Definition = ONBOARDING, **changes: Any) -> TraceEvent:
    """Return what the service of a step of `of` would say of it; without a step, what is said of the whole saga."""
    names = [one.name for one in of.steps]
    closes = of.closing.service if of.closing else COORDINATOR
    hop = names.index(step) if step else len(names)
    said = TraceEvent(
        kind=kind, service=of.step(step).service if step else closes, step=step, attempt=1, at=at(hop), hop=hop
    )
    return replace(said, **changes)


def undo_event(kind: Kind, step: str, **changes: Any) -> TraceEvent:
    return event(kind, step, **{"action": Action.UNDO, "hop": 2 * len(STEPS) - STEPS.index(step), **changes})


def trace(saga_id: str, *events: TraceEvent, **changes: Any) -> Trace:
    said = Trace(saga_id=saga_id, scenario="onboarding", style=CHOREOGRAPHY, user=ADA, events=events)
    return replace(said, **changes)


def life_of(saga_id: str) -> list[Trace]:
    """Return all that is said of a saga that goes well but for one retry, in causal order."""
    said = [trace(saga_id, event(Kind.STARTED, service="dashboard", hop=0))]
    for step in STEPS:
        said.append(trace(saga_id, event(Kind.RECEIVED, step)))
        if step == "authorize":
            detail = {"error": "not now", "next_attempt_at": at(2)}
            said.append(trace(saga_id, event(Kind.RETRYING, step, detail=detail)))
        attempt = 2 if step == "authorize" else 1
        said.append(trace(saga_id, event(Kind.SUCCEEDED, step, attempt=attempt, detail={"result": {"for": step}})))
    return [*said, completion(saga_id)]


def way_back_of(saga_id: str) -> list[Trace]:
    """Return all that is said of a saga whose last step fails, in causal order."""
    said = [trace(saga_id, event(Kind.STARTED, service="dashboard", hop=0))]
    for step in STEPS[:-1]:
        said.append(trace(saga_id, event(Kind.RECEIVED, step)))
        said.append(trace(saga_id, event(Kind.SUCCEEDED, step, detail={"result": {"for": step}})))
    said.append(trace(saga_id, event(Kind.RECEIVED, STEPS[-1])))
    said.append(trace(saga_id, event(Kind.FAILED, STEPS[-1], detail={"error": REASON})))
    for step in reversed(STEPS[:-1]):
        said.append(trace(saga_id, undo_event(Kind.UNDOING, step, detail={"reason": REASON})))
        said.append(trace(saga_id, undo_event(Kind.UNDONE, step, detail={"reason": REASON})))
    return [*said, compensation(saga_id)]


def completion(saga_id: str, *, second: int = 60, **changes: Any) -> Trace:
    return trace(saga_id, event(Kind.COMPLETED, at=at(second)), **changes)


def compensation(saga_id: str, *, second: int = 60) -> Trace:
    return trace(saga_id, event(Kind.COMPENSATED, at=at(second), hop=2 * len(STEPS), detail={"reason": REASON}))


def stuck_undo(saga_id: str, step: str = "authorize", *, attempt: int = 8) -> Trace:
    """Return what is said when the compensation of a step was tried to the end of its policy."""
    return trace(saga_id, undo_event(Kind.STUCK, step, attempt=attempt, detail={"error": "the archive is full"}))


def no_progress(saga_id: str, *, since: int) -> Trace:
    """Return what is said when a saga has got nowhere since its progress was `since`."""
    detail = {"progress": since, "error": "no progress for 60 s"}
    return trace(saga_id, event(Kind.STUCK, service="dashboard", attempt=since, hop=0, detail=detail))


def letter(**changes: Any) -> DeadLetter:
    about = {"topic": "authorize", "partition": 3, "offset": 17, "key": "s", "value": "garbage"}
    return DeadLetter(**{"service": "authorizer", "reason": "the message is empty", "at": at(0), **about, **changes})


def beat(**changes: Any) -> Heartbeat:
    who = {"service": "provisioner", "instance": "provisioner-1", "pid": 101, "host": "here", "at": at(0)}
    numbers = {"in_flight": 2, "handled": 10, "beat": 1, "partitions": ("new-user/0", "new-user/1")}
    return Heartbeat(**{**who, **numbers, "state": "running", "detail": "", **changes})


def outgoing(message: Trace | DeadLetter | Heartbeat, *, topic: str = TRACE) -> Outgoing:
    return wire.encode(message, topic=topic, source="tests", at=at(0))


def accept(count: int = 1, *, style: str = CHOREOGRAPHY, faults: dict[str, StepFault] | None = None) -> list[str]:
    return outbox.accept(ONBOARDING, style=style, users=count, faults=faults)


def accept_trip() -> str:
    [saga_id] = outbox.accept(TRIP, style=TRIP.styles[0], users=1)
    return saga_id


def say(*traces: Trace, letters: Sequence[DeadLetter] = ()) -> None:
    """Project all of this as one batch."""
    project([(said, outgoing(said).value.decode()) for said in traces], letters)


def finish(*saga_ids: str) -> None:
    """Complete these sagas in this order, a second apart."""
    ended = Board.current().ended
    say(*(completion(saga_id, second=ended + place) for place, saga_id in enumerate(saga_ids)))


def saga(saga_id: str) -> Saga:
    return Saga.objects.get(saga_id=saga_id)


def counters() -> dict[str, int]:
    """Return the board's counters, the sequence left out."""
    names = ("accepted", "ended", "completed", "compensated", "out_of_order", "dead_letters")
    return {name: getattr(Board.current(), name) for name in names}
