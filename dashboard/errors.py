"""What the dashboard has to refuse."""


class DashboardError(Exception):
    """Root of the dashboard's errors; `status` is the HTTP status it means, the text is for a person to read."""

    status = 500


class BadRequest(DashboardError):
    """Raised when what was asked for makes no sense."""

    status = 422


class TooLarge(DashboardError):
    """Raised when more was sent than is ever needed."""

    status = 413


class NotFound(DashboardError):
    """Raised when what was asked about does not exist."""

    status = 404


class Conflict(DashboardError):
    """Raised when it is too late for what was asked, or somebody else was faster."""

    status = 409


class NotAccepted(DashboardError):
    """Raised when a saga cannot be written down at the moment; nothing was."""

    status = 503
