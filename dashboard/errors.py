"""What the dashboard has to refuse."""

from collections.abc import Mapping


class DashboardError(Exception):
    """Root of the dashboard's errors; `status` is the HTTP status it means, the text is for a person to read."""

    status = 500

    def __init__(self, reason: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.headers = dict(headers or {})


class BadRequest(DashboardError):
    """Raised when what was asked for makes no sense."""

    status = 422


class TooLarge(DashboardError):
    """Raised when more was sent than is ever needed."""

    status = 413


class NotInstructor(DashboardError):
    """Raised when something is the instructor's, and nothing shows that it is the instructor who asks."""

    status = 401


class NotFound(DashboardError):
    """Raised when what was asked about does not exist."""

    status = 404


class Conflict(DashboardError):
    """Raised when it is too late for what was asked, or somebody else was faster."""

    status = 409


class TooMany(DashboardError):
    """Raised when somebody has asked for too much in too short a time; `Retry-After` says when it is worth asking."""

    status = 429


class NotAccepted(DashboardError):
    """Raised when a saga cannot be written down at the moment; nothing was."""

    status = 503
