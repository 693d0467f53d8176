"""The participants, one module each with the same members.

To add one: copy a module, change its rule, and name it below; its step goes into `saga.definitions`, and the process
that runs it into `workshop.processes`. On PostgreSQL its ledger is made by `deploy/postgres/create-ledgers.sh`,
which lists it; a process of its own is a service in `docker-compose.yaml` and a deployment in `deploy/kubernetes` too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from consumers.participants import authorizer, car, flight, hotel, notifier, provisioner, tickets
from saga.messages import SagaMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A service by name; `perform`: what it does for a message, returning what it achieved; `undo`: how that is undone.

    Both may be called again for the same message after a crash, so doing it twice must equal doing it once. They raise
    MessageRejected for what nobody can ever do, StepFailed for what this participant will not do; any other error is
    tried again, and in `undo` each of them. `undo` is given what `perform` returned.
    """

    name: str
    perform: Callable[[SagaMessage], dict[str, Any]]
    undo: Callable[[SagaMessage, dict[str, Any]], None]


def _participant(module: ModuleType) -> Participant:
    return Participant(name=module.NAME, perform=module.perform, undo=module.undo)


PARTICIPANTS = {
    module.NAME: _participant(module) for module in (provisioner, authorizer, notifier, car, hotel, flight, tickets)
}
