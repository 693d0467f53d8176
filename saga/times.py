"""How times look in messages and in databases."""

from datetime import datetime


def rfc3339(at: datetime) -> str:
    """Return a time in UTC as RFC 3339 text; all such texts have one length, so they sort as the times do."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def checked(text: str) -> str:
    """Return what looks like RFC 3339 if it is a time that there is. Raises ValueError."""
    datetime.fromisoformat(text)
    return text
