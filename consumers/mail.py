"""An e-mail backend for a laptop: one file per e-mail, named by its Message-ID."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class OneFilePerMessageBackend(BaseEmailBackend):
    """Writes to `settings.EMAIL_FILE_PATH`. An e-mail sent twice is one file, as a good mail provider would have it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            content = message.message()
            name = re.sub(r"[^\w@.-]", "", content["Message-ID"])
            unfinished = folder / f".{name}.{os.getpid()}"
            unfinished.write_bytes(content.as_bytes())
            unfinished.replace(folder / f"{name}.eml")
        return len(email_messages)
