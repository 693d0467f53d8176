"""The provisioner gives a new user a device that fits the department."""

import hashlib
from typing import Any

from saga.messages import SagaMessage

NAME = "provisioner"

_MODELS = {
    "Engineering": ("WS", "Workstation 16-core"),
    "Data": ("WS", "Workstation 16-core"),
    "Design": ("ST", "Studio laptop 16-inch"),
    "Marketing": ("ST", "Studio laptop 16-inch"),
    "Sales": ("UL", "Ultralight laptop 13-inch"),
    "Support": ("DK", "Desktop with headset"),
}
_DEFAULT = ("LT", "Laptop 14-inch")


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the device. Its id follows from the saga's, so asking twice hands out one device."""
    prefix, model = _MODELS.get(message.user.department, _DEFAULT)
    serial = hashlib.sha256(message.saga_id.encode()).hexdigest()[:6].upper()
    return {"device_id": f"{prefix}-{serial}", "model": model}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Take the device back. It was only a row of the ledger, and that row says now that it is undone."""
