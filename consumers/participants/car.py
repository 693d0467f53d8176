"""The car rental books a car."""

from typing import Any

from consumers.participants import _booking
from saga.messages import SagaMessage

NAME = "car"

_OFFERS = ("Toyota Corolla", "Fiat 500", "Volvo V60")


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the car and the number of its booking."""
    step = message.step or NAME
    return {"booking": _booking.number(message.saga_id, step), "item": _booking.pick(_OFFERS, message.saga_id, step)}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Give the car back. The booking was only a row of the ledger, and that row says now that it is undone."""
