"""What a participant owes a request, given what its ledger says about that step of that saga.

The ledger's row is a small state machine. Requests and compensations are idempotent, and they commute: a compensation
that comes first is written down as a refusal, and the request that comes later finds it (McCaffrey, "Distributed
Sagas", 2015). A compensation may not abort: it is tried again until it succeeds, or somebody is called.

    nothing  -> done, trying, failed, refused
    trying   -> done, failed, refused
    done     -> undone, undoing
    failed   -> undone, undoing    where the scenario compensates a step that failed
    undoing  -> undone, stuck
    stuck    -> undone, undoing
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from saga import reports
from saga.definitions import definition_of
from saga.messages import MAX_REASON, Action, Kind, SagaMessage


class Status(StrEnum):
    """Where a step is, by its participant's ledger."""

    TRYING = "trying"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNDOING = "undoing"
    STUCK = "stuck"
    UNDONE = "undone"


# What the step has achieved, and nothing has taken back.
STANDING = frozenset({Status.DONE, Status.UNDOING, Status.STUCK})


class Duty(StrEnum):
    """What a request makes its participant do."""

    DO = "do"
    UNDO = "undo"
    REFUSE = "refuse"
    """Write down that the step will never be done, because its compensation came first."""
    SAY_AGAIN = "say again"
    """It is decided: say what became of it, as the first time."""
    LEAVE = "leave"
    """The ledger's own timer has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that failed, of a step or its compensation. Times are RFC 3339 in UTC; `number` counts from 1."""

    action: Action
    number: int
    round: int
    error: str
    at: str
    next_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of a ledger: one step of one saga. `decided_at` and `undone_at` stay as they were first said.

    `version` counts its changes: a change is written only over the version that it was made from. `waits` says whether
    the ledger keeps the message that asked for it, which then comes again by itself.
    """

    saga_id: str
    step: str
    status: Status
    result: dict[str, Any]
    attempts: tuple[Attempt, ...] = ()
    decided_at: str | None = None
    undone_at: str | None = None
    version: int = 0
    waits: bool = field(default=True, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return (self.saga_id, self.step)

    def failures(self, action: Action) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.action is action)

    @property
    def round(self) -> int:
        """Return the latest round in which anything failed, 0 if nothing has."""
        return self.attempts[-1].round if self.attempts else 0

    @property
    def reason(self) -> str | None:
        """Return the last error."""
        return self.attempts[-1].error if self.attempts else None

    @property
    def next_at(self) -> str | None:
        """Return when the next attempt is due, None if there is none to come."""
        return self.attempts[-1].next_at if self.status in (Status.TRYING, Status.UNDOING) and self.attempts else None


def duty(entry: Entry, message: SagaMessage, *, is_due: bool = False) -> Duty:
    """Return what `message` makes its participant do. `is_due`: it comes from the ledger's timer, not from a topic."""
    rule = _duty_to_do if message.action is Action.DO else _duty_to_undo
    was_given_up = entry.status in (Status.TRYING, Status.UNDOING) and not entry.waits
    return rule(entry, message, is_due or message.round > entry.round or was_given_up)


def _duty_to_do(entry: Entry, message: SagaMessage, may_try: bool) -> Duty:
    if entry.status is Status.TRYING:
        return Duty.DO if may_try else Duty.LEAVE
    return Duty.SAY_AGAIN


def _duty_to_undo(entry: Entry, message: SagaMessage, may_try: bool) -> Duty:
    if entry.status is Status.TRYING:
        return Duty.REFUSE
    if entry.status is Status.DONE:
        return Duty.UNDO if message.step else Duty.SAY_AGAIN  # what is closed stays closed
    if entry.status is Status.FAILED:
        return Duty.UNDO if definition_of(message.scenario).compensates_failed_step else Duty.SAY_AGAIN
    if entry.status in (Status.UNDOING, Status.STUCK) and (may_try or message.by_hand):
        return Duty.UNDO
    return Duty.LEAVE if entry.status is Status.UNDOING else Duty.SAY_AGAIN


def blank(saga_id: str, step: str) -> Entry:
    """Return the row of a step of which nothing is written down; it has version 0."""
    return Entry(saga_id=saga_id, step=step, status=Status.TRYING, result={})


def attempt_number(entry: Entry, action: Action) -> int:
    """Return the number of the next attempt, from 1."""
    return 1 + len(entry.failures(action))


def refused(before: Entry, *, at: str) -> Entry:
    """Return the row that refuses a step in advance; attempts made before are kept."""
    return replace(before, status=Status.REFUSED, undone_at=at, version=before.version + 1)


def done(before: Entry, result: dict[str, Any], *, at: str) -> Entry:
    """Return the row after an attempt at the step succeeded."""
    return replace(before, status=Status.DONE, result=result, decided_at=at, version=before.version + 1)


def undone(before: Entry, *, at: str) -> Entry:
    """Return the row after the compensation succeeded."""
    return replace(before, status=Status.UNDONE, undone_at=at, version=before.version + 1)


def failed(before: Entry, error: Exception, message: SagaMessage, *, at: str, later: Callable[[float], str]) -> Entry:
    """Return the row after an attempt failed. `later` tells the time so many seconds after now."""
    step = definition_of(message.scenario).step(before.step)
    is_do = message.action is Action.DO
    policy = step.retry if is_do else step.undo_retry
    in_round = 1 + sum(one.round == message.round for one in before.failures(message.action))
    goes_on = policy.allows_another(in_round) and not policy.is_final(error)
    attempt = Attempt(
        action=message.action,
        number=attempt_number(before, message.action),
        round=message.round,
        error=reports.legible(str(error), MAX_REASON) or type(error).__name__,
        at=at,
        next_at=later(policy.delay_after(in_round)) if goes_on else None,
    )
    return replace(
        before,
        status=_AFTER_FAILURE[message.action, goes_on],
        attempts=(*before.attempts, attempt),
        decided_at=at if is_do and not goes_on else before.decided_at,
        version=before.version + 1,
    )


_AFTER_FAILURE = {
    (Action.DO, True): Status.TRYING,
    (Action.DO, False): Status.FAILED,
    (Action.UNDO, True): Status.UNDOING,
    (Action.UNDO, False): Status.STUCK,
}


class Said(NamedTuple):
    """What there is to say about a row: always the same while the row is the same."""

    kind: Kind
    attempt: int
    at: str
    detail: dict[str, Any]


def greeting(message: SagaMessage) -> Kind | None:
    """Return what a participant says of `message` as it takes it on; None if it must know its row before that."""
    if message.action is Action.DO:
        return Kind.RECEIVED
    return Kind.UNDOING if message.step else None  # there may be nothing left to roll back


def said(entry: Entry, message: SagaMessage) -> Said | None:
    """Return what a participant says about `message`, now that its row is `entry`; None if it is not worth a word."""
    if message.step is None:
        return _said_of_the_close(entry, message)
    return _said_of_doing(entry) if message.action is Action.DO else _said_of_undoing(entry, message)


def _said_of_the_close(entry: Entry, message: SagaMessage) -> Said | None:
    if entry.status is Status.DONE:
        return Said(Kind.COMPLETED, 1, entry.decided_at or "", {})
    if message.action is Action.UNDO:
        return Said(Kind.UNDOING, 1, entry.undone_at or "", {"reason": message.reason})
    return None


def _said_of_doing(entry: Entry) -> Said:
    number = attempt_number(entry, Action.DO)
    if entry.status is Status.DONE:
        return Said(Kind.SUCCEEDED, number, entry.decided_at or "", {"result": entry.result})
    if entry.status in (Status.TRYING, Status.FAILED):
        return _said_of_failure(entry, Kind.RETRYING if entry.status is Status.TRYING else Kind.FAILED)
    why = "its compensation came first" if entry.status is Status.REFUSED else "it was done before, and is taken back"
    return Said(Kind.FAILED, number, entry.undone_at or entry.decided_at or "", {"refused": True, "error": why})


def _said_of_undoing(entry: Entry, message: SagaMessage) -> Said:
    number = attempt_number(entry, Action.UNDO)
    if entry.status is Status.UNDONE:
        return Said(Kind.UNDONE, number, entry.undone_at or "", {"reason": message.reason})
    if entry.status is Status.REFUSED:
        return Said(Kind.UNDONE, number, entry.undone_at or "", {"reason": message.reason, "refused": True})
    if entry.status is Status.FAILED:
        detail = {"reason": message.reason, "failed": True, "error": entry.reason}
        return Said(Kind.UNDONE, number, entry.decided_at or "", detail)
    return _said_of_failure(entry, Kind.UNDO_FAILED if entry.status is Status.UNDOING else Kind.STUCK)


def _said_of_failure(entry: Entry, kind: Kind) -> Said:
    last = entry.attempts[-1]
    detail = {"error": last.error} | ({"next_attempt_at": last.next_at} if last.next_at else {})
    return Said(kind, last.number, last.at, detail)
