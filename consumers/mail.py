"""An e-mail backend for a laptop: one file per e-mail, named by its Message-ID."""

import re
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class OneFilePerMessageBackend(BaseEmailBackend):
    """Writes to `settings.EMAIL_FILE_PATH`. An e-mail sent twice is one file, as a good mail provider would have it.

    So a crash half-way through a file does no harm either: the repeat writes it whole.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            content = message.message()
            name = re.sub(r"[^\w@.-]", "", content["Message-ID"])
            (folder / f"{name}.eml").write_bytes(_as_text(content).encode())
        return len(email_messages)


def _as_text(content: Message) -> str:
    """Return a message of one part as text. Django has encoded its headers and its body; only the joining is left."""
    headers = "".join(f"{name}: {value}\n" for name, value in content.items())
    return f"{headers}\n{content.get_payload()}"
