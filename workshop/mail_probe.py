"""Whether the mail server is there: the one thing that only the notifier depends on."""

from django.conf import settings
from django.core.mail import get_connection

LOOK_EVERY_S = 15.0


class MailProbe:
    """Goes in at the mail server's door now and then. A part of a `workshop.loop.Loop`, which tells how it is."""

    def run_once(self) -> bool:
        """Raises OSError if nobody answers there, or does not let us in."""
        connection = get_connection()
        try:
            connection.open()
        except OSError as error:
            place = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
            raise OSError(f"no e-mail can be sent through {place}: {error}") from error
        finally:
            connection.close()
        return False

    def close(self) -> None:
        """Nothing stays open."""
