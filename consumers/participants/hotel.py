"""The hotel books a room."""

from typing import Any

from consumers.participants import _booking
from saga.messages import SagaMessage

NAME = "hotel"

_OFFERS = ("Hilton 123", "Copacabana Palace 7", "Grand Hotel 42")


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the room and the number of its booking."""
    step = message.step or NAME
    return {"booking": _booking.number(message.saga_id, step), "item": _booking.pick(_OFFERS, message.saga_id, step)}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Cancel the room. The booking was only a row of the ledger, and that row says now that it is undone."""
