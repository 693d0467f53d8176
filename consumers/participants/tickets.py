"""The ticket office sells tickets for the sights."""

from typing import Any

from consumers.participants import _booking
from saga.messages import SagaMessage

NAME = "tickets"

_OFFERS = ("Christ the Redeemer", "Sugarloaf cable car", "Tijuca forest")


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the tickets and the number of their booking."""
    step = message.step or NAME
    return {"booking": _booking.number(message.saga_id, step), "item": _booking.pick(_OFFERS, message.saga_id, step)}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Take the tickets back. The booking was only a row of the ledger, and that row says now that it is undone."""
