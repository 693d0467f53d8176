"""The authorizer grants a new user what the department needs."""

from typing import Any

from saga.messages import SagaMessage

NAME = "authorizer"

_EVERYBODY = ("mail", "calendar")
_GRANTS = {
    "Engineering": ("source-code", "build-farm"),
    "Data": ("warehouse", "notebooks"),
    "Design": ("asset-library",),
    "Marketing": ("asset-library", "campaigns"),
    "Sales": ("customer-records", "contracts"),
    "Support": ("customer-records", "tickets"),
    "Finance": ("ledger", "payroll"),
    "People": ("payroll", "personnel-files"),
}


def perform(message: SagaMessage) -> dict[str, Any]:
    """Return the authorizations of the user's department, and everybody's."""
    return {"authorizations": [*_EVERYBODY, *_GRANTS.get(message.user.department, ())]}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Revoke the authorizations. They were only a row of the ledger, and that row says now that they are undone."""
