"""The coordinator's mind: a durable log, and what follows from it.

The coordinator is not special: all it knows is in the log of each saga, and another one can pick the log up. `replay`
turns a log into a state, `decide` turns a message into further entries; both are pure, so whoever replays a log, or any
beginning of it, comes to the same decisions (McCaffrey, "Distributed Sagas", 2015).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from saga.definitions import Definition, Step, definition_of
from saga.messages import Action, Outcome, Reply, SagaMessage
from saga.routing import End, Routed, home_of


class Mark(StrEnum):
    """What an entry says."""

    START_SAGA = "start saga"
    START_STEP = "start step"
    END_STEP = "end step"
    ABORT = "abort"
    START_COMPENSATION = "start compensation"
    END_COMPENSATION = "end compensation"
    END_SAGA = "end saga"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of a saga's log. `hop` orders it among all that happens in the saga; `cause` is a message's id.

    START_SAGA keeps the `request`; END_STEP has a `result`, or the `reason` why there is none; ABORT and END_SAGA have
    the reason, and ABORT says whether it came `by_hand`.
    """

    mark: Mark
    step: str | None = None
    hop: int
    cause: str
    request: SagaMessage | None = None
    result: dict[str, Any] | None = None
    reason: str | None = None
    by_hand: bool = False
    end: End | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a log says: the `request` that started the saga, and by step the commands given and the answers to them."""

    request: SagaMessage | None = None
    hop: int = 0
    started: dict[str, LogEntry] = field(default_factory=dict)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    aborted: str | None = None
    by_hand: bool = False
    undo_started: dict[str, LogEntry] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()
    end: LogEntry | None = None

    @property
    def definition(self) -> Definition:
        assert self.request
        return definition_of(self.request.scenario)

    @property
    def unanswered(self) -> frozenset[str]:
        return frozenset(self.started.keys() - self.done.keys() - self.failed.keys())

    @property
    def to_undo(self) -> frozenset[str]:
        """Return the steps to compensate. One that was commanded and never answered is among them: it may be done."""
        steps = frozenset(self.done.keys() | self.undo_started.keys() | self.unanswered)
        return steps | self.failed.keys() if self.definition.compensates_failed_step else steps

    @property
    def given(self) -> list[LogEntry]:
        """Return the latest command about each step."""
        steps = [self.started[name] for name in sorted(self.started.keys() - self.undo_started.keys())]
        return steps + list(self.undo_started.values())

    @property
    def to_give_again(self) -> list[LogEntry]:
        """Return the latest commands, but for those that were answered and are about to be undone."""
        given_up = self.to_undo - self.undo_started.keys() if self.aborted is not None else frozenset()
        return [one for one in self.given if one.step not in given_up or not self.is_answered(one)]

    def is_answered(self, command: LogEntry) -> bool:
        if command.mark is Mark.START_COMPENSATION:
            return command.step in self.undone
        return command.step not in self.unanswered


def replay(entries: Iterable[LogEntry]) -> LogState:
    """Return what the entries of one saga's log say."""
    state = LogState()
    for entry in entries:
        state = _write(state, entry)
    return state


def decide(state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    """Return the entries that `message` adds to the log: what it says, if that is new, and all that follows from it."""
    entries: list[LogEntry] = []
    new = _heard(state, message) or _following(state, message)
    while new:
        for entry in new:
            state = _write(state, entry)
        entries += new
        new = _following(state, message)
    return entries


def commands(state: LogState, message: SagaMessage | Reply) -> list[Routed]:
    """Return the commands to give now that `message` is in the log; given twice, they do no harm.

    The ones that it caused, again if it comes again: the coordinator may have died before it could give them. And all
    that count when the saga is driven on: who has answered says so once more, in case a broker has forgotten it.
    """
    if isinstance(message, SagaMessage):
        entries = state.to_give_again
    else:
        entries = [one for one in state.given if one.cause == message.id and not state.is_answered(one)]
    return [_command(state, entry, round=message.round) for entry in entries]


def _heard(state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    """Return what the message itself says, as far as the log does not say so yet."""
    if isinstance(message, SagaMessage):
        return _request_heard(state, message)
    hop = message.hop
    if state.request is None or state.end:
        return []
    if message.action is Action.UNDO:
        is_news = message.step in state.undo_started and message.step not in state.undone
        return [LogEntry(mark=Mark.END_COMPENSATION, step=message.step, hop=hop, cause=message.id)] if is_news else []
    if message.step not in state.unanswered:
        return []
    if message.outcome is Outcome.DONE:
        return [LogEntry(mark=Mark.END_STEP, step=message.step, hop=hop, cause=message.id, result=message.result)]
    reason = message.reason or "it failed"
    return [LogEntry(mark=Mark.END_STEP, step=message.step, hop=hop, cause=message.id, reason=reason)]


def _request_heard(state: LogState, request: SagaMessage) -> list[LogEntry]:
    start = LogEntry(mark=Mark.START_SAGA, hop=request.hop, cause=request.id, request=request)
    entries = [] if state.request else [start]
    if request.action is Action.UNDO and not state.end and not state.by_hand:
        reason = state.aborted or request.reason or "it was rolled back"
        entries.append(LogEntry(mark=Mark.ABORT, hop=request.hop, cause=request.id, reason=reason, by_hand=True))
    return entries


def _following(state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    """Return what comes next by the definition, nothing while an answer is waited for."""
    if state.end or state.request is None:
        return []
    if state.aborted is None and state.failed:
        reason = next(iter(state.failed.values()))
        return [LogEntry(mark=Mark.ABORT, hop=state.hop, cause=message.id, reason=reason)]
    if state.aborted is None:
        return _next_stage(state, message)
    return [] if state.unanswered and not state.by_hand else _next_compensations(state, message)


def _next_stage(state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    for stage in state.definition.stages:
        if fresh := [step for step in stage if step.name not in state.started]:
            return _starts(Mark.START_STEP, fresh, state, message)
        if any(step.name not in state.done for step in stage):
            return []
    return [_end(End.COMPLETED, state, message)]


def _next_compensations(state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    for stage in reversed(state.definition.stages):
        steps = [step for step in stage if step.name in state.to_undo]
        if fresh := [step for step in steps if step.name not in state.undo_started]:
            return _starts(Mark.START_COMPENSATION, fresh, state, message)
        if any(step.name not in state.undone for step in steps):
            return []
    return [_end(End.COMPENSATED, state, message)]


def _starts(mark: Mark, steps: Sequence[Step], state: LogState, message: SagaMessage | Reply) -> list[LogEntry]:
    return [LogEntry(mark=mark, step=step.name, hop=state.hop + 1, cause=message.id) for step in steps]


def _end(end: End, state: LogState, message: SagaMessage | Reply) -> LogEntry:
    return LogEntry(mark=Mark.END_SAGA, hop=state.hop + 1, cause=message.id, reason=state.aborted, end=end)


def _write(state: LogState, entry: LogEntry) -> LogState:
    state = replace(state, hop=max(state.hop, entry.hop))
    step = entry.step or ""
    match entry.mark:
        case Mark.START_SAGA:
            return replace(state, request=entry.request)
        case Mark.START_STEP:
            return replace(state, started=state.started | {step: entry})
        case Mark.END_STEP if entry.result is not None:
            return replace(state, done=state.done | {step: entry.result})
        case Mark.END_STEP:
            return replace(state, failed=state.failed | {step: entry.reason or ""})
        case Mark.ABORT:
            return replace(state, aborted=entry.reason, by_hand=state.by_hand or entry.by_hand)
        case Mark.START_COMPENSATION:
            return replace(state, undo_started=state.undo_started | {step: entry})
        case Mark.END_COMPENSATION:
            return replace(state, undone=state.undone | {step})
        case Mark.END_SAGA:
            return replace(state, end=entry)


def _command(state: LogState, entry: LogEntry, *, round: int) -> Routed:
    """Return the message that carries out a START_STEP or START_COMPENSATION entry."""
    assert state.request
    assert entry.step
    is_do = entry.mark is Mark.START_STEP
    known = state.definition.names_before(entry.step) if is_do else tuple(state.done)
    message = replace(
        state.request,
        step=entry.step,
        action=Action.DO if is_do else Action.UNDO,
        results={name: state.done[name] for name in known},
        hop=entry.hop,
        round=round,
        reason=state.aborted,
    )
    return Routed(home_of(message), message)
