"""Who hears what next: `(definition, what happened) -> the next message and its topic`.

A participant does not know which style it works in: the message says where the outcome goes. In a choreography it goes
to the next service, and after a failure back along the chain; in an orchestration it goes to the coordinator.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

from saga.definitions import CHOREOGRAPHY, REPLIES, SAGAS, Closing, Definition, Step, definition_of
from saga.errors import MessageRejected
from saga.messages import Action, Outcome, Reply, SagaMessage, StepFault, User
from saga.participation import Entry, Status


class Routed(NamedTuple):
    topic: str
    message: SagaMessage | Reply


class End(StrEnum):
    """How a saga ends."""

    COMPLETED = "completed"
    COMPENSATED = "compensated"


def opening(
    definition: Definition,
    *,
    saga_id: str,
    style: str,
    user: User,
    round: int = 1,
    faults: dict[str, StepFault] | None = None,
    trace_id: str | None = None,
) -> SagaMessage:
    """Return the message that starts a saga, or drives it on: what is done already is passed over."""
    return SagaMessage(
        saga_id=saga_id,
        scenario=definition.scenario,
        style=style,
        step=definition.steps[0].name if style == CHOREOGRAPHY else None,
        user=user,
        results={},
        hop=0,
        round=round,
        faults=faults or {},
        trace_id=trace_id,
    )


def rolling_back(start: SagaMessage, *, hop: int, reason: str) -> SagaMessage:
    """Return the message that rolls back the saga which `start` opened; `hop` is above all that was said in it."""
    return replace(start, step=None, action=Action.UNDO, hop=hop, reason=reason)


def resolving(start: SagaMessage, step: str, *, hop: int, reason: str) -> SagaMessage:
    """Return the message by which a person says that the effect of `step` was undone by hand."""
    return replace(start, step=step, action=Action.UNDO, hop=hop, reason=reason, by_hand=True)


def after(message: SagaMessage, entry: Entry) -> Routed | End | None:
    """Return what a participant says now that its ledger's row for `message` is `entry`; None while it is not decided.

    An `End` means that there is nobody left to tell: the saga ends here.
    """
    if entry.status is Status.TRYING or (message.action is Action.UNDO and entry.status in _NOT_UNDONE):
        return None
    route = _along_the_chain if message.style == CHOREOGRAPHY else _to_the_coordinator
    return route(definition_of(message.scenario), message, entry)


_NOT_UNDONE = (Status.UNDOING, Status.STUCK)


def _to_the_coordinator(definition: Definition, message: SagaMessage, entry: Entry) -> Routed:
    reply = Reply(
        saga_id=message.saga_id,
        scenario=message.scenario,
        step=entry.step,
        action=message.action,
        outcome=_outcome(message.action, entry.status),
        hop=message.hop + 1,
        round=message.round,
        result=entry.result,
        reason=None if entry.status is Status.DONE else _reason(message, entry),
        trace_id=message.trace_id,
    )
    return Routed(REPLIES, reply)


def _outcome(action: Action, status: Status) -> Outcome:
    if action is Action.UNDO:
        return Outcome.UNDONE
    return Outcome.DONE if status is Status.DONE else Outcome.FAILED


def _along_the_chain(definition: Definition, message: SagaMessage, entry: Entry) -> Routed | End | None:
    if message.step is None:
        return _at_the_close(definition, message, entry)
    step = definition.step(message.step)
    if message.action is Action.UNDO:
        return _backward(definition, message, step=definition.step_before(step.name))
    if entry.status is Status.DONE:
        return _forward(definition, message, entry.result)
    back = replace(message, reason=_reason(message, entry))
    if entry.status is Status.FAILED and not definition.compensates_failed_step:
        return _backward(definition, back, step=definition.step_before(step.name))
    return _backward(definition, back, step=step)


def _at_the_close(definition: Definition, message: SagaMessage, entry: Entry) -> Routed | End | None:
    if entry.status is Status.DONE:
        return End.COMPLETED
    return _backward(definition, message, step=definition.steps[-1]) if message.action is Action.UNDO else None


def _forward(definition: Definition, message: SagaMessage, result: dict[str, Any]) -> Routed:
    assert message.step
    following = definition.step_after(message.step)
    results = {**message.results, message.step: result}
    onward = replace(message, step=following.name if following else None, results=results, hop=message.hop + 1)
    return Routed(home_of(onward), onward)


def _backward(definition: Definition, message: SagaMessage, *, step: Step | None) -> Routed | End:
    if step is None:
        return End.COMPENSATED
    undo = replace(message, step=step.name, action=Action.UNDO, hop=message.hop + 1, by_hand=False)
    return Routed(home_of(undo), undo)


def _reason(message: SagaMessage, entry: Entry) -> str:
    return message.reason or entry.reason or f"{entry.step} was taken back before it was done"


def _closing_of(definition: Definition) -> Closing:
    if definition.closing is None:
        raise MessageRejected(f"scenario {definition.scenario!r} needs a coordinator")
    return definition.closing


def check_addressed(message: SagaMessage, *, topic: str, key: bytes | None) -> None:
    """Raise MessageRejected unless `message` belongs on `topic` under `key`, with the results of all earlier steps."""
    definition = definition_of(message.scenario)
    if message.style not in definition.styles:
        raise MessageRejected(f"scenario {message.scenario!r} has no style {message.style!r}")
    if message.action is Action.DO and (missing := _missing(definition, message)):
        raise MessageRejected(f"the results of earlier steps are missing: {', '.join(missing)}")
    if topic != (home := home_of(message)):
        asked = f"{message.action} {message.step or 'the saga'}"
        raise MessageRejected(f"a message to {asked} belongs on topic {home!r}, not {topic!r}")
    if key != message.saga_id.encode():
        raise MessageRejected("the message's key is not its saga id")


def home_of(message: SagaMessage) -> str:
    """Return the topic on which such a message travels. Raises MessageRejected if there is none."""
    definition = definition_of(message.scenario)
    if message.step is not None:
        step = definition.step(message.step)
        return step.topic if message.action is Action.DO else step.undo_topic
    if message.style != CHOREOGRAPHY:
        return SAGAS
    closing = _closing_of(definition)
    return closing.topic if message.action is Action.DO else closing.undo_topic


def _missing(definition: Definition, message: SagaMessage) -> list[str]:
    if message.step is None:
        expected = [step.name for step in definition.steps] if message.style == CHOREOGRAPHY else []
    else:
        expected = list(definition.names_before(message.step))
    return [name for name in expected if name not in message.results]
