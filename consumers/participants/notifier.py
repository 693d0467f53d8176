"""The notifier tells a new user by e-mail what has been made ready."""

import unicodedata
from typing import Any

from django.core.mail import EmailMessage

from saga.errors import MessageRejected
from saga.messages import SagaMessage

NAME = "notifier"

_SUBJECT = "Welcome: your device and your access are ready"
_BODY = """Dear {name},

your device {device_id} ({model}) is ready, and you may use: {authorizations}.

Welcome to {department}!
"""

_CORRECTION_SUBJECT = "Correction: your device and your access are not ready"
_CORRECTION = """Dear {name},

please disregard our last e-mail. Your device and your access have been taken back: {reason}.
"""


def perform(message: SagaMessage) -> dict[str, Any]:
    """Send the e-mail and return where it went. The Message-ID follows from the saga: a repeat is the same e-mail."""
    message_id = f"<{message.saga_id}@saga-workshop.example.com>"
    address = f"{_mailbox(message.user.name)}@example.com"
    EmailMessage(_SUBJECT, _body(message), to=[address], headers={"Message-ID": message_id}).send()
    return {"email": address, "message_id": message_id}


def undo(message: SagaMessage, result: dict[str, Any]) -> None:
    """Correct the e-mail by another one, as what was sent cannot be taken back. If none was sent, there is no need."""
    if not result:
        return
    headers = {
        "Message-ID": f"<correction.{message.saga_id}@saga-workshop.example.com>",
        "In-Reply-To": str(result["message_id"]),
    }
    body = _CORRECTION.format(name=message.user.name, reason=message.reason or "it was taken back")
    EmailMessage(_CORRECTION_SUBJECT, body, to=[str(result["email"])], headers=headers).send()


def _body(message: SagaMessage) -> str:
    try:
        return _BODY.format(
            name=message.user.name,
            department=message.user.department,
            device_id=message.results["provision"]["device_id"],
            model=message.results["provision"]["model"],
            authorizations=", ".join(message.results["authorize"]["authorizations"]),
        )
    except (KeyError, TypeError) as error:
        raise MessageRejected("the message lacks the device or the authorizations of the user") from error


def _mailbox(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(letter if letter.isalnum() else " " for letter in ascii_name).split()
    return ".".join(words)[:64].rstrip(".") or "user"
