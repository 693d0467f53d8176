"""A participant at work: does steps and their compensations, and writes down in its ledger what became of them.

What it owes a request, and what it says of a row, `saga.participation` decides; where that goes, `saga.routing`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from consumers.clock import Clock
from consumers.faults import Faults
from consumers.ledger import Change, Key, Ledger
from consumers.participants import Participant
from consumers.role import Done, Sending, Work
from saga import participation, reports, routing, wire
from saga.bus import Outgoing, Record
from saga.definitions import CLOSE, DEFINITIONS, definition_of
from saga.errors import MessageRejected, StepFailed
from saga.messages import Action, Kind, SagaMessage, TraceEvent
from saga.participation import Duty, Entry, Status
from saga.routing import End

OVERDUE_LIMIT = 200
# Where threads wait for somebody else, a cycle takes on no more than this for each of them: if that one hangs, the
# worker must still come to poll, to say what it did, and to end when it is told to.
WORK_PER_THREAD = 4
_CHANGING = (Duty.DO, Duty.UNDO, Duty.REFUSE)
_NOT_TO_BE = (Status.FAILED, Status.REFUSED, Status.UNDONE)
# Another instance may have left work behind, so the ledger is looked at even if this one waits for nothing.
LOOK_EVERY_S = 5.0
# What the timer brought is this instance's alone until it has looked again; where threads wait for somebody who hangs,
# that may take longer.
CLAIM_S = LOOK_EVERY_S
PATIENT_CLAIM_S = 6 * LOOK_EVERY_S
_POLICIES = [one for saga in DEFINITIONS.values() for step in saga.steps for one in (step.retry, step.undo_retry)]
# Nothing is put off for so long: what is due later was put off before the clock was set back.
BEYOND_PATIENCE_S = 2 * max(PATIENT_CLAIM_S, *(policy.maximum_s for policy in _POLICIES))


@dataclass(slots=True, kw_only=True, eq=False)
class _Task:
    """A piece of work, the row that it found, what it owes by that, and what came of it: another row, or a refusal.

    `is_begun`: the saga's first step is done, as far as this ledger knows.
    """

    work: Work
    message: SagaMessage
    before: Entry
    duty: Duty
    is_begun: bool
    after: Entry | None = None
    refusal: str | None = None

    @property
    def row(self) -> Entry:
        return self.after or self.before


class Performer:
    """Works as one participant. Implements `consumers.role.Role`."""

    def __init__(
        self, participant: Participant, *, ledger: Ledger, clock: Clock, faults: Faults, threads: int = 1
    ) -> None:
        self.name = participant.name
        self._participant = participant
        self._ledger = ledger
        self._clock = clock
        self._faults = faults
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.at_once = WORK_PER_THREAD * threads if threads > 1 else None
        self._claim_s = PATIENT_CLAIM_S if threads > 1 else CLAIM_S
        self._look_at = clock.monotonic()
        self._unsaid: list[Entry] = []
        self._given_up: list[Record] = []

    def takes_time(self, message: SagaMessage) -> bool:
        return message.step is not None and not message.by_hand

    def greet(self, work: Work) -> tuple[SagaMessage, TraceEvent] | None:
        message = _request(work)
        kind = participation.greeting(message)
        if kind is None:
            return None
        detail = {"reason": message.reason} if message.reason else {}
        about = {"service": self.name, "attempt": 1, "at": self._clock.now(), "detail": detail}
        return message, reports.on_record(kind, work.record, message, **about)

    def key(self, work: Work) -> Key:
        return (work.message.saga_id, work.message.step or CLOSE)

    def forget(self, saga_ids: Sequence[str]) -> None:
        self._ledger.forget(saga_ids)

    def next_due_s(self) -> float | None:
        return max(0.0, self._look_at - self._clock.monotonic())

    def overdue(self) -> list[Record]:
        if self._clock.monotonic() < self._look_at:
            return []
        self._look_at = self._clock.monotonic() + LOOK_EVERY_S
        now, limit = self._clock.now, self.at_once or OVERDUE_LIMIT
        records = self._ledger.claim(now(), until=now(in_s=self._claim_s), latest=self._latest(), limit=limit)
        self._look_again_at(self._ledger.next_at() if len(records) < limit else now())
        return records

    def give_up(self, record: Record) -> None:
        self._given_up.append(record)

    def work(self, works: Sequence[Work]) -> tuple[list[Done], list[Work]]:
        known = self._ledger.find([work.message.saga_id for work in works])
        tasks = [self._task(work, known) for work in works]
        owed = [task for task in tasks if task.duty in _CHANGING]
        list(self._pool.map(self._fulfil, owed) if self._pool else map(self._fulfil, owed))
        standing = self._write([task for task in owed if task.after])
        late = [task for task in owed if task.after and standing[task.after.key] != task.after]
        for task in late:
            self._take_back(task, standing[task.row.key])
        ours = [task for task in tasks if task not in late]
        self._unsaid = [task.row for task in ours if task.work.from_timer and not task.row.next_at]
        done = [self._done(task) for task in ours]
        return done, [task.work for task in late]  # somebody else was faster: see what that makes of them

    def settle(self) -> None:
        if self._unsaid:
            self._ledger.settle(self._unsaid)
        if self._given_up:
            self._ledger.drop(self._given_up)
        self._unsaid, self._given_up = [], []

    def _task(self, work: Work, known: dict[Key, Entry]) -> _Task:
        message, key = _request(work), self.key(work)
        before = known.get(key) or participation.blank(*key)
        duty = participation.duty(before, message, is_due=work.from_timer and self._is_due(before.next_at))
        first = known.get((message.saga_id, definition_of(message.scenario).steps[0].name))
        is_begun = first is not None and first.status is Status.DONE
        return _Task(work=work, message=message, before=before, duty=duty, is_begun=is_begun)

    def _write(self, tasks: list[_Task]) -> Mapping[Key, Entry]:
        """Write the new rows down in one transaction, and return what stands."""
        changes = [Change(task.row, task.work.record, self._say_again_at(task.work)) for task in tasks]
        for change in changes:
            self._look_again_at(change.next_at)
        return self._ledger.record(changes) if changes else {}

    def _take_back(self, task: _Task, standing: Entry) -> None:
        """Undo what was done while somebody else wrote down that it is not to be: nobody else knows of it."""
        if task.message.step and task.row.status is Status.DONE and standing.status in _NOT_TO_BE:
            self._participant.undo(task.message, task.row.result)

    def _say_again_at(self, work: Work) -> str | None:
        """Return when it shall be said again, should this worker die before it is said; None if it comes again anyway.

        That is what has an offset. What the timer brought nobody sends again.
        """
        return self._clock.now(in_s=LOOK_EVERY_S) if work.from_timer else None

    def _fulfil(self, task: _Task) -> None:
        """Find the row after trying; or why nobody can ever try this."""
        before, now = task.before, self._clock.now
        try:
            if task.duty is Duty.REFUSE:
                task.after = participation.refused(before, at=now())
            elif task.duty is Duty.UNDO:
                self._undo(before, task.message)
                task.after = participation.undone(before, at=now())
            else:
                result = self._do(task)
                task.after = participation.done(before, result, at=now())
        except MessageRejected as rejection:
            if before.version:  # a row that waits for another attempt would ask for it for ever
                task.after = self._failed(task, StepFailed(str(rejection)))
            else:
                task.refusal = str(rejection)
        except Exception as error:  # whatever a participant's own code raises is that step's failure, not the worker's
            task.after = self._failed(task, error)

    def _failed(self, task: _Task, error: Exception) -> Entry:
        now = self._clock.now
        return participation.failed(task.before, error, task.message, at=now(), later=lambda wait_s: now(in_s=wait_s))

    def _do(self, task: _Task) -> dict[str, object]:
        before, message = task.before, task.message
        if message.step is None:
            if not task.is_begun:  # who closes a saga has begun it; this one is forgotten, or never was
                raise MessageRejected("it closes a saga that was not begun here")
            return {}
        self._faults.check(message, attempt=participation.attempt_number(before, Action.DO))
        result = self._participant.perform(message)
        if trouble := reports.why_untellable(result):
            self._participant.undo(message, result)  # it was done, and a step that failed is not compensated
            raise StepFailed(trouble)
        return result

    def _undo(self, before: Entry, message: SagaMessage) -> None:
        if message.by_hand:
            return
        self._faults.check(message, attempt=participation.attempt_number(before, Action.UNDO))
        self._participant.undo(message, before.result)

    def _done(self, task: _Task) -> Done:
        """Return what is said and sent, which follows from the row alone: a repeat says the same."""
        if task.refusal is not None:
            return Done(work=task.work, refusal=task.refusal)
        done, row = Done(work=task.work, saga=task.message), task.row
        said = participation.said(row, task.message)
        at = said.at if said else row.undone_at or row.decided_at or self._clock.now()
        routed = routing.after(task.message, row)
        if isinstance(routed, routing.Routed):
            outgoing = wire.encode(routed.message, topic=routed.topic, source=self.name, at=at)
            done.sending.append(Sending(outgoing, said and self._event(task, said, outgoing)))
        elif said:
            done.events.append(self._event(task, said, None))
        if routed is End.COMPENSATED:
            done.events.append(self._compensated(task, at))
        return done

    def _event(self, task: _Task, said: participation.Said, outgoing: Outgoing | None) -> TraceEvent:
        about = {"service": self.name, "attempt": said.attempt, "at": said.at, "detail": said.detail}
        if outgoing:
            return reports.on_outgoing(said.kind, outgoing, task.message, **about)
        return reports.on_record(said.kind, task.work.record, task.message, **about)

    def _compensated(self, task: _Task, at: str) -> TraceEvent:
        detail = {"reason": task.message.reason or task.row.reason}
        about = {"service": self.name, "attempt": 1, "at": at, "step": None, "action": Action.DO, "detail": detail}
        return reports.on_record(Kind.COMPENSATED, task.work.record, task.message, **about)

    def _is_due(self, next_at: str | None) -> bool:
        """Is there another attempt to come, and now? Somebody else may have tried it just before."""
        return next_at is not None and not self._clock.now() < next_at <= self._latest()

    def _latest(self) -> str:
        """Return the latest time at which an attempt can be due."""
        return self._clock.now(in_s=BEYOND_PATIENCE_S)

    def _look_again_at(self, next_at: str | None) -> None:
        """Look into the ledger when `next_at` (RFC 3339, UTC) has come, if not earlier."""
        if next_at:
            wait = datetime.fromisoformat(next_at) - datetime.fromisoformat(self._clock.now())
            self._look_at = min(self._look_at, self._clock.monotonic() + wait.total_seconds())


def _request(work: Work) -> SagaMessage:
    assert isinstance(work.message, SagaMessage)
    return work.message
