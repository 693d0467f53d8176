"""The fold from trace events to the state of a saga.

Events of one saga come from several services and may arrive repeated and in any order, so the fold must not care:
every field is a join (a maximum by rank, or a value that never changes once known). The same set of events gives the
same state in whatever order it came; the property tests hold that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from saga.definitions import Definition
from saga.messages import Kind, TraceEvent

RUNNING = "running"
COMPLETED = "completed"
ENDED = frozenset({COMPLETED})

WAITING = "waiting"
STEP_STATUS_AFTER = {Kind.RECEIVED: "received", Kind.RETRYING: "retrying", Kind.SUCCEEDED: "done"}
_RANK = {status: rank for rank, status in enumerate((WAITING, *STEP_STATUS_AFTER.values()))}
_KIND_RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Where a saga is at one service; `result` is what the step achieved, once it is done."""

    name: str
    service: str
    status: str = WAITING
    attempts: int = 0
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaState:
    """Where a saga is. `ended_at` is RFC 3339 in UTC, None while it runs."""

    steps: tuple[StepState, ...]
    status: str = RUNNING
    ended_at: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


def initial(definition: Definition) -> SagaState:
    """Return the state of a saga of which nothing is known but its definition."""
    return SagaState(steps=tuple(StepState(name=step.name, service=step.service) for step in definition.steps))


def fold(state: SagaState, events: Iterable[TraceEvent]) -> SagaState:
    """Return the state after `events`, whatever their order, repeats included."""
    for event in events:
        state = apply(state, event)
    return state


def apply(state: SagaState, event: TraceEvent) -> SagaState:
    """Return the state once `event` is known."""
    if event.kind is Kind.COMPLETED:
        return replace(state, status=COMPLETED, ended_at=state.ended_at or event.at)
    if event.step is None or event.kind not in STEP_STATUS_AFTER:
        return state
    steps = tuple(_advance(step, event) if step.name == event.step else step for step in state.steps)
    return replace(state, steps=steps)


def causal_key(event: TraceEvent) -> tuple[int, int, int]:
    """Return the sort key that puts causes before effects: hop of the message, then attempt, then kind."""
    return (event.hop, event.attempt, _KIND_RANK[event.kind])


def _advance(step: StepState, event: TraceEvent) -> StepState:
    arrived = STEP_STATUS_AFTER[event.kind]
    said = event.detail.get("result")
    return replace(
        step,
        status=max(step.status, arrived, key=_RANK.__getitem__),
        attempts=max(step.attempts, event.attempt),
        result=said if step.result is None and isinstance(said, dict) else step.result,
    )
