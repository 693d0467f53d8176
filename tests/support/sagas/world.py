"""A world of sagas without brokers, databases or clocks: the pure rules, and messages that arrive in any order.

Whoever holds the world decides what arrives next, what arrives twice, and what is lost. What the services do is what
`saga` says; what they achieved is counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from saga import participation, routing, saga_log
from saga.definitions import CLOSE, COORDINATOR, REPLIES, SAGAS, Definition, definition_of
from saga.errors import StepFailed
from saga.messages import Action, Kind, Reply, SagaMessage, StepFault, TraceEvent, User
from saga.participation import Duty, Entry, Said
from saga.routing import End, Routed
from saga.saga_log import LogEntry
from saga.state import SagaState, apply, initial

SAGA_ID = "saga-1"
AT = "2026-01-01T00:00:00.000000Z"
Letter = tuple[str, SagaMessage | Reply, bool]


class Broken(Exception):
    """Stands for an error that may go away."""


@dataclass
class World:
    """One saga. `mail` holds (topic, message, whether it comes from a ledger's timer), in no order."""

    definition: Definition
    style: str
    faults: Mapping[str, StepFault] = field(default_factory=dict)
    round: int = 1
    rolled_back_at: int | None = None
    mail: list[Letter] = field(default_factory=list)
    ledgers: dict[str, Entry] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)
    performed: Counter[str] = field(default_factory=Counter)
    taken_back: Counter[str] = field(default_factory=Counter)
    events: list[TraceEvent] = field(default_factory=list)

    @property
    def state(self) -> SagaState:
        state = initial(self.definition)
        for event in self.events:
            state = apply(state, event)
        return state

    def start(self) -> None:
        self._ask(self._wanted())

    def retry(self) -> None:
        self.round += 1
        self._ask(self._wanted())

    def roll_back(self) -> None:
        self.rolled_back_at = self.rolled_back_at or self.state.hop + 1
        self.retry()

    def resolve(self, step: str) -> None:
        hop = self.state.hop + 1
        self.round += 1
        self._ask(routing.resolving(self._opening(), step, hop=hop, reason="by hand"))

    def deliver(self, number: int, *, again: bool = False) -> None:
        """Let a letter arrive, and once more later if `again`."""
        letter = self.mail[number] if again else self.mail.pop(number)
        topic, message, from_timer = letter
        if topic in (SAGAS, REPLIES):
            self._coordinate(message)
        else:
            assert isinstance(message, SagaMessage)
            self._participate(message, from_timer)

    def lose(self, number: int) -> None:
        self.mail.pop(number)

    def _opening(self) -> SagaMessage:
        user = User(name="Ada", department="Data")
        return routing.opening(
            self.definition,
            saga_id=SAGA_ID,
            style=self.style,
            user=user,
            round=self.round,
            faults=dict(self.faults),
        )

    def _wanted(self) -> SagaMessage:
        if self.rolled_back_at is None:
            return self._opening()
        return routing.rolling_back(self._opening(), hop=self.rolled_back_at, reason="by hand")

    def _ask(self, message: SagaMessage, *, from_timer: bool = False) -> None:
        self._post(Routed(routing.home_of(message), message), from_timer=from_timer)

    def _post(self, routed: Routed, *, from_timer: bool = False) -> None:
        if isinstance(routed.message, SagaMessage):
            routing.check_addressed(routed.message, topic=routed.topic, key=SAGA_ID.encode())
        self.mail.append((routed.topic, routed.message, from_timer))

    def _coordinate(self, message: SagaMessage | Reply) -> None:
        self.log += saga_log.decide(saga_log.replay(self.log), message)
        state = saga_log.replay(self.log)
        for order in saga_log.commands(state, message):
            self._post(order)
        if isinstance(message, SagaMessage) and message.action is Action.UNDO and not state.end:
            self._say(Said(Kind.UNDOING, 1, AT, {"reason": message.reason}), message, service=COORDINATOR)
        if state.end and (isinstance(message, SagaMessage) or state.end.cause == message.id):
            self._ended(End(str(state.end.end)), message, service=COORDINATOR)

    def _participate(self, message: SagaMessage, from_timer: bool) -> None:
        name = message.step or CLOSE
        service = self.definition.step(message.step).service if message.step else "provisioner"
        greeting = None if from_timer else participation.greeting(message)
        if greeting:
            self._say(Said(greeting, 1, AT, {}), message, service=service)
        before = self.ledgers.get(name) or participation.blank(SAGA_ID, name)
        duty = participation.duty(before, message, is_due=from_timer)
        after = self._fulfil(duty, before, message)
        self.ledgers[name] = after
        if after.next_at:
            self._ask(message, from_timer=True)
        if duty is Duty.LEAVE:
            return
        if said := participation.said(after, message):
            self._say(said, message, service=service)
        routed = routing.after(message, after)
        if isinstance(routed, Routed):
            self._post(routed)
        elif routed is End.COMPENSATED:
            self._ended(routed, message, service=service)

    def _fulfil(self, duty: Duty, before: Entry, message: SagaMessage) -> Entry:
        if duty is Duty.REFUSE:
            return participation.refused(before, at=AT)
        if duty not in (Duty.DO, Duty.UNDO):
            return before
        try:
            self._check(before, message)
        except (StepFailed, Broken) as error:
            return participation.failed(before, error, message, at=AT, later=lambda seconds: AT)
        if duty is Duty.UNDO:
            self.taken_back[before.step] += 1
            return participation.undone(before, at=AT)
        self.performed[before.step] += 1
        return participation.done(before, {"by": before.step}, at=AT)

    def _check(self, before: Entry, message: SagaMessage) -> None:
        fault = message.faults.get(message.step or "")
        if fault is None or fault.action is not message.action or message.by_hand:
            return
        if fault.failures is None or participation.attempt_number(before, message.action) <= fault.failures:
            raise Broken("broken") if fault.retryable else StepFailed("refused")

    def _ended(self, end: End, message: SagaMessage | Reply, *, service: str) -> None:
        self._say(Said(Kind(str(end)), 1, AT, {}), message, service=service, whole=True)

    def _say(self, said: Said, message: SagaMessage | Reply, *, service: str, whole: bool = False) -> None:
        self.events.append(
            TraceEvent(
                kind=said.kind,
                service=service,
                step=None if whole else message.step,
                action=Action.DO if whole else message.action,
                attempt=said.attempt,
                at=said.at,
                hop=message.hop,
                detail=said.detail,
            )
        )


def world_of(scenario: str, style: str, faults: Mapping[str, StepFault] | None = None) -> World:
    return World(definition_of(scenario), style, faults or {})
