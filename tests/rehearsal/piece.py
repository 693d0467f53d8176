"""What is played: sagas of every kind, and whatever can happen to those who see them through."""

from collections.abc import Callable
from random import Random
from uuid import UUID

import pytest

from consumers import worker
from dashboard.auditor.invariants import AUDITOR
from dashboard.backstage import projector, relay, retention
from dashboard.models import Board, Saga
from dashboard.readmodel import outbox, rescue
from dashboard.readmodel.rows import state_of
from saga.definitions import DEFINITIONS, PERSISTENT
from saga.messages import Action, StepFault
from saga.state import COMPENSATED, COMPLETED
from saga.steering import NO_FAULTS, FaultRules
from tests.rehearsal.company import PARTS, READERS, Company, kind_of
from tests.support.services.fuse import INSTANTS

SAGAS, KEPT, ACTS = 8, 3, 150
WAITS = [(relay, wait) for wait in ("IDLE_S", "FULL_S", "GATHER_S")]
WAITS += [(module, wait) for module in (projector, worker) for wait in ("POLL_TIMEOUT_S", "GATHER_S")]
MOMENTS = (*INSTANTS, "after claiming", "before settling", "after settling")
WAYS = [(definition, style) for definition in DEFINITIONS.values() for style in definition.styles]
STEP_FAULTS = (
    StepFault(failures=1, retryable=True),
    StepFault(failures=2, retryable=True),
    StepFault(failures=3, retryable=True),
    StepFault(failures=None, retryable=True),
    StepFault(failures=1, retryable=False),
    StepFault(failures=2, retryable=True, action=Action.UNDO),
    StepFault(failures=PERSISTENT.maximum_attempts, retryable=True, action=Action.UNDO),
)


def rehearse(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play the piece of this number; hold that every saga has ended, as its steps say, and that all invariants hold."""
    for module, waits in WAITS:
        monkeypatch.setattr(module, waits, 0.0)
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)
    outbox.news.clear()
    random = Random(seed)
    monkeypatch.setattr(outbox, "uuid4", lambda: UUID(int=random.getrandbits(128), version=4))
    company = Company(random, keep=KEPT if seed % 2 else 0)
    Piece(company, random).play()
    wrong = [
        f"{saga.saga_id} is {saga.status}: {_told(saga)}"
        for saga in Saga.objects.all()
        if not (saga.finished and (company.has_lost_news or _is_told_whole(saga)))
    ]
    wrong += [str(check) for check in AUDITOR.report()["checks"] if not check["ok"]]
    assert not wrong, "\n".join([*company.script, *wrong])
    assert Board.current().ended == SAGAS


class Piece:
    def __init__(self, company: Company, random: Random) -> None:
        self._company = company
        self._random = random
        self._to_come = SAGAS

    def play(self) -> None:
        """Let so much happen, then nothing bad any more, until all rest, with a person's help if need be."""
        for _ in range(ACTS):
            act = self._random.choices(list(CHANCES), list(CHANCES.values()))[0]
            act(self)
        self._company.note("from now on nothing goes wrong")
        self._company.break_by(NO_FAULTS)
        while self._to_come:
            self.accept()
        self._company.come_to_rest()
        while rescue.retry_all_stuck():
            self._company.note("whatever is stuck is driven on")
            self._company.come_to_rest()

    def go(self) -> None:
        """Let the first work that finds something to do."""
        names = self._company.names
        for name in self._random.sample(names, len(names)):
            if self._company.cycle(name):
                return

    def accept(self) -> None:
        if not self._to_come:
            return
        self._to_come -= 1
        definition, style = self._random.choice(WAYS)
        steps = [step.name for step in definition.steps if self._random.random() < 0.4]
        faults = {step: self._random.choice(STEP_FAULTS) for step in steps}
        [saga_id] = outbox.accept(definition, style=style, users=1, faults=faults)
        self._company.note(f"{saga_id} is accepted: {definition.scenario}, {style}, {faults}")

    def set_a_fuse(self) -> None:
        """Whoever comes to that instant first dies there."""
        self._company.fuse.blow_at = self._random.choice(MOMENTS)

    def lay_an_ambush(self) -> None:
        """Whoever comes to that instant first has to wait there, while others act."""
        self._company.fuse.lay(self._random.choice(MOMENTS), self._interrupt)

    def throw_out(self) -> None:
        self._company.throw_out(self._random.choice(READERS))

    def come(self) -> None:
        self._company.add_second(self._random.choice(PARTS))

    def leave(self) -> None:
        self._company.dismiss_second()

    def let_time_pass(self) -> None:
        self._company.let_pass(self._random.choice([1.0, 3.0, 10.0]))

    def break_services(self) -> None:
        rate = self._random.random
        rules = FaultRules(
            fail_rate=0.3 * self._random.randrange(2),
            retryable=rate() < 0.7,
            duplicate_rate=rate(),
            delay_rate=rate(),
            reorder_rate=rate(),
            seed=self._random.randrange(1000),
        )
        self._company.break_by(rules)

    def roll_back(self) -> None:
        if saga_id := self._under_way():
            self._company.note(f"{saga_id} is rolled back by hand")
            rescue.roll_back(saga_id)

    def retry(self) -> None:
        if saga_id := self._under_way():
            self._company.note(f"{saga_id} is driven on")
            rescue.retry(saga_id)

    def forget(self) -> None:
        self._company.forget_all()

    def _interrupt(self) -> None:
        """Others act in the middle of somebody's cycle; half of the time they take the partitions of that one first."""
        name = self._company.at_work
        self._company.note(f"... {name} is interrupted")
        if kind_of(name) in READERS and self._random.random() < 0.5:
            self._company.throw_out(name)
        others = [other for other in self._random.choices(self._company.names, k=4) if other != name]
        for other in others:
            self._company.cycle(other)
        self._company.note(f"... {name} goes on")

    def _under_way(self) -> str | None:
        ids = list(Saga.objects.filter(finished=None).order_by("number").values_list("saga_id", flat=True))
        return self._random.choice(ids) if ids else None


# How often each of them happens, in proportion.
CHANCES: dict[Callable[[Piece], None], float] = {
    Piece.go: 60,
    Piece.set_a_fuse: 20,
    Piece.let_time_pass: 20,
    Piece.lay_an_ambush: 8,
    Piece.accept: 6,
    Piece.throw_out: 2,
    Piece.come: 2,
    Piece.leave: 2,
    Piece.break_services: 1,
    Piece.roll_back: 1,
    Piece.retry: 1,
    Piece.forget: 0.3,
}


def _is_told_whole(saga: Saga) -> bool:
    """Was that told of every step which leads to such an end?"""
    if saga.status == COMPLETED:
        return _told(saga) == {"done"}
    return saga.status == COMPENSATED and _told(saga) <= {"waiting", "failed", "undone", "refused"}


def _told(saga: Saga) -> set[str]:
    return {step.status for step in state_of(saga.state).steps}
