"""The airline books a seat: the flight of a trip, the plane of a package."""

from typing import Any

from consumers.participants import _booking
from saga.messages import SagaMessage

NAME = "flight"

_OFFERS = ("Alaska Airlines 123", "Rio Air 7", "Nordic 42")


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the seat and the number of its booking."""
    step = message.step or NAME
    return {"booking": _booking.number(message.saga_id, step), "item": _booking.pick(_OFFERS, message.saga_id, step)}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Cancel the seat. The booking was only a row of the ledger, and that row says now that it is undone."""
