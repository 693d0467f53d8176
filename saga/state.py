"""The fold from trace events to the state of a saga.

Events of one saga come from several services and may arrive repeated and in any order, so the fold must not care:
every field is a join (a maximum by rank, or a value that never changes once known). The same set of events gives the
same state in whatever order it came; the property tests hold that.
"""

from dataclasses import dataclass, replace
from typing import Any

from saga.definitions import Definition
from saga.messages import Action, Kind, TraceEvent

RUNNING = "running"
COMPENSATING = "compensating"
COMPLETED = "completed"
COMPENSATED = "compensated"
STUCK = "stuck"
ENDED = frozenset({COMPLETED, COMPENSATED})

WAITING = "waiting"
# What an event says of its step, and nothing else does: the commands of a coordinator are not here.
STEP_STATUS_AFTER = {
    (Action.DO, Kind.RECEIVED): "received",
    (Action.DO, Kind.RETRYING): "retrying",
    (Action.DO, Kind.FAILED): "failed",
    (Action.DO, Kind.SUCCEEDED): "done",
    (Action.UNDO, Kind.UNDOING): "undoing",
    (Action.UNDO, Kind.UNDO_FAILED): "undo failed",
    (Action.UNDO, Kind.STUCK): STUCK,
    (Action.UNDO, Kind.UNDONE): "undone",
}
REFUSED = "refused"
# What a step stays whose compensation found nothing to undo, by what the event's detail says of it.
_NOTHING_TO_UNDO = (REFUSED, "failed")
STEP_STATUSES = (WAITING, *STEP_STATUS_AFTER.values(), REFUSED)
_GOING_BACK = frozenset({"failed", "undoing", "undo failed", "undone", REFUSED})
_KIND_RANK = {kind: rank for rank, kind in enumerate(Kind)}
_STEP_RANK = {said: rank for rank, said in enumerate(STEP_STATUS_AFTER, start=1)}

# Later is larger: do (0) or undo, number of the attempt, what became of it.
StepMark = tuple[int, int, int]
_UNDO = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Where a saga is at one service.

    `result` is what the step achieved, once it is done. `attempts` and `undo_attempts` count what was tried. `error`
    and `next_attempt_at` (RFC 3339, UTC) tell of the latest attempt, if it failed. `since` is when the service took on
    what is wanted of it now: the step or, later, its compensation.
    """

    name: str
    service: str
    status: str = WAITING
    attempts: int = 0
    undo_attempts: int = 0
    result: dict[str, Any] | None = None
    error: str | None = None
    next_attempt_at: str | None = None
    since: str | None = None
    mark: StepMark = (0, 0, 0)

    @property
    def progress(self) -> int:
        """Return a number that grows with all that is news. A new attempt weighs more than what became of the last."""
        return 2 * (self.attempts + self.undo_attempts) + self.mark[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaState:
    """Where a saga is. `ended_at` is RFC 3339 in UTC, None while it runs; `reason` says why it goes or went back.

    `round` counts how often it was driven on, `hop` is the highest in it, `stuck_at` the progress at which somebody
    found that it makes none, and `trouble` what was found. All of them only grow.
    """

    steps: tuple[StepState, ...]
    end: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    reason_hop: int | None = None
    rolled_back: bool = False
    round: int = 1
    hop: int = 0
    stuck_at: int = 0
    trouble: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.end is not None

    @property
    def progress(self) -> int:
        """Return a number that grows with everything that happens to the saga."""
        return self.round + self.rolled_back + sum(step.progress for step in self.steps)

    @property
    def stuck_steps(self) -> frozenset[str]:
        """Return the steps whose compensation has been given up."""
        return frozenset(step.name for step in self.steps if step.status == STUCK)

    @property
    def why(self) -> str | None:
        """Return why it is stuck, else why it goes or went back."""
        if self.status != STUCK:
            return self.reason
        errors = [step.error for step in self.steps if step.status == STUCK and step.error]
        return errors[0] if errors else self.trouble

    @property
    def status(self) -> str:
        if self.end:
            return self.end
        if self.stuck_at >= self.progress or self.stuck_steps:
            return STUCK
        is_back = self.rolled_back or any(step.status in _GOING_BACK for step in self.steps)
        return COMPENSATING if is_back else RUNNING


def initial(definition: Definition) -> SagaState:
    """Return the state of a saga of which nothing is known but its definition."""
    return SagaState(steps=tuple(StepState(name=step.name, service=step.service) for step in definition.steps))


def apply(state: SagaState, event: TraceEvent) -> SagaState:
    """Return the state once `event` is known as well: the same in whatever order events come, repeats included."""
    state = _with_reason(state, event)
    if event.step is None:
        return _apply_to_saga(state, event)
    hop = max(state.hop, event.hop)
    steps = tuple(_advance(step, event) if step.name == event.step else step for step in state.steps)
    return replace(state, steps=steps, hop=hop)


def causal_key(event: TraceEvent) -> tuple[int, int, int, str]:
    """Return the sort key that puts causes before effects: hop of the message, attempt, kind; then time."""
    return (event.hop, event.attempt, _KIND_RANK[event.kind], event.at)


def _apply_to_saga(state: SagaState, event: TraceEvent) -> SagaState:
    hop = max(state.hop, event.hop)
    match event.kind:
        case Kind.COMPLETED | Kind.COMPENSATED:
            return replace(state, end=str(event.kind), ended_at=min(state.ended_at or event.at, event.at), hop=hop)
        case Kind.STARTED:
            return replace(state, round=max(state.round, event.attempt), hop=hop)
        case Kind.UNDOING:
            return replace(state, rolled_back=True, hop=hop)
        case Kind.STUCK | Kind.DEAD_LETTERED:
            stuck_at, trouble = max(_found(event), (state.stuck_at, state.trouble or ""))
            return replace(state, stuck_at=stuck_at, trouble=trouble, hop=hop)
    return replace(state, hop=hop)


def _found(event: TraceEvent) -> tuple[int, str]:
    """Return at which progress a saga was found to make none, and what was found."""
    progress = event.detail.get("progress")
    return progress if isinstance(progress, int) else 0, _text(event, "error") or ""


def _text(event: TraceEvent, name: str) -> str | None:
    """Return a text of the detail. What it holds no reader of messages has checked."""
    said = event.detail.get(name)
    return said if isinstance(said, str) else None


def _with_reason(state: SagaState, event: TraceEvent) -> SagaState:
    """Keep the reason of the first failure or roll-back by cause, not by arrival."""
    is_roll_back = event.step is None and event.kind is Kind.UNDOING
    is_failure = event.kind is Kind.FAILED and not event.detail.get("refused")
    if not is_roll_back and not is_failure:
        return state
    reason = _text(event, "error") or _text(event, "reason") or "it failed"
    known = (state.reason_hop, state.reason or "")
    if state.reason_hop is None or (event.hop, reason) < known:
        return replace(state, reason=reason, reason_hop=event.hop)
    return state


def _advance(step: StepState, event: TraceEvent) -> StepState:
    status = STEP_STATUS_AFTER.get((event.action, event.kind))
    if status is None:
        return step
    is_undo = event.action is Action.UNDO
    if status == "undone":
        status = next((left for left in _NOTHING_TO_UNDO if event.detail.get(left)), status)
    known: dict[str, Any] = {
        "attempts": step.attempts if is_undo else max(step.attempts, event.attempt),
        "undo_attempts": max(step.undo_attempts, event.attempt) if is_undo else step.undo_attempts,
        "result": _result(step, event),
        "since": _since(step, event),
    }
    mark = (_UNDO * is_undo, event.attempt, _STEP_RANK[event.action, event.kind])
    if mark > step.mark:
        error, next_at = _text(event, "error"), _text(event, "next_attempt_at")
        known |= {"status": status, "mark": mark, "error": error, "next_attempt_at": next_at}
    return replace(step, **known)


def _since(step: StepState, event: TraceEvent) -> str | None:
    begins = event.kind in (Kind.RECEIVED, Kind.UNDOING)
    rank, known = _UNDO * (event.action is Action.UNDO), step.mark[0]
    if rank > known:
        return event.at if begins else None
    return min(step.since or event.at, event.at) if begins and rank == known else step.since


def _result(step: StepState, event: TraceEvent) -> dict[str, Any] | None:
    said = event.detail.get("result")
    return said if step.result is None and isinstance(said, dict) else step.result
