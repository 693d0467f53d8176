"""Who hears what next: `(definition, what happened) -> the next message and its topic`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from saga.definitions import STYLES, Definition, definition_of
from saga.errors import MessageRejected
from saga.messages import SagaMessage, User


class Routed(NamedTuple):
    topic: str
    message: SagaMessage


def opening(definition: Definition, *, saga_id: str, style: str, user: User) -> Routed:
    """Return the message that starts a saga."""
    first = definition.steps[0]
    message = SagaMessage(
        saga_id=saga_id, scenario=definition.scenario, style=style, step=first.name, user=user, results={}, hop=0
    )
    return Routed(first.topic, message)


def after_success(message: SagaMessage, result: Mapping[str, Any]) -> Routed:
    """Return what a participant says when it has done the step that `message` asked for."""
    definition = definition_of(message.scenario)
    if message.step is None:
        raise MessageRejected("a closed saga goes nowhere")
    results = {**message.results, message.step: dict(result)}
    following = definition.step_after(message.step)
    onward = replace(message, step=following.name if following else None, results=results, hop=message.hop + 1)
    return Routed(following.topic if following else definition.closing_topic, onward)


def check_addressed(message: SagaMessage, *, topic: str, key: bytes | None) -> None:
    """Raise MessageRejected unless `message` belongs on `topic` under `key`, with the results of all earlier steps."""
    definition = definition_of(message.scenario)
    if message.style not in STYLES:
        raise MessageRejected(f"unknown style {message.style!r}")
    home = definition.step(message.step).topic if message.step else definition.closing_topic
    if missing := [name for name in definition.names_before(message.step) if name not in message.results]:
        raise MessageRejected(f"the results of earlier steps are missing: {', '.join(missing)}")
    if topic != home:
        raise MessageRejected(f"a message for step {message.step!r} belongs on topic {home!r}, not {topic!r}")
    if key != message.saga_id.encode():
        raise MessageRejected("the message's key is not its saga id")
