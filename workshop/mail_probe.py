"""Whether the mail server is there: the one thing that only the notifier depends on."""

from smtplib import SMTP

LOOK_EVERY_S = 5.0
ANSWER_S = 5.0


class MailProbe:
    """Knocks at the mail server's door now and then. A part of a `workshop.loop.Loop`, which tells how it is."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def run_once(self) -> bool:
        """Raises OSError if nobody answers there."""
        try:
            with SMTP(self._host, self._port, timeout=ANSWER_S):
                return False
        except OSError as error:
            raise OSError(f"no mail server answers at {self._host}:{self._port}: {error}") from error

    def close(self) -> None:
        """Nothing stays open."""
