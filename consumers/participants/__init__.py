"""The participants, one module each with the same members: copy one and change its rule to add another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consumers.participants import authorizer, notifier, provisioner
from saga.messages import SagaMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A service by name, and `perform`: what it does for a message, returning what it achieved.

    `perform` may be called again for the same message after a crash, so doing it twice must equal doing it once. It
    raises MessageRejected for what can never succeed; any other error is tried again.
    """

    name: str
    perform: Callable[[SagaMessage], dict[str, Any]]


PARTICIPANTS = {
    module.NAME: Participant(name=module.NAME, perform=module.perform) for module in (provisioner, authorizer, notifier)
}
