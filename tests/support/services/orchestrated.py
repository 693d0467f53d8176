"""Orchestrated sagas on a workbench: how they start, and what becomes of them."""

from typing import Any

from consumers.log_store import SagaLogStore
from saga import routing
from saga.definitions import COORDINATOR, ORCHESTRATION, definition_of
from saga.messages import SagaMessage, StepFault
from saga.saga_log import LogEntry
from tests.support.sagas.factories import ADA
from tests.support.services.workbench import Workbench, effects_of

BOOKINGS = ("car", "hotel", "flight", "tickets")
ALL = (COORDINATOR, *BOOKINGS)

FULL = {"hotel": StepFault(error="the hotel is full")}


def start(scenario: str = "trip", saga_id: str = "saga-1", **changes: Any) -> SagaMessage:
    """Return the message that starts a saga."""
    return routing.opening(definition_of(scenario), saga_id=saga_id, style=ORCHESTRATION, user=ADA, **changes)


def log(saga_id: str = "saga-1") -> list[LogEntry]:
    return SagaLogStore(COORDINATOR).read([saga_id]).get(saga_id, [])


def see_through(bench: Workbench, *messages: SagaMessage) -> None:
    bench.send(*messages)
    bench.run(*(bench.worker(service) for service in ALL))


def standing() -> dict[str, str]:
    """Return what became of each booking of `saga-1`."""
    return {step: status for name in BOOKINGS for _, step, status in effects_of(name)}
