"""The log as JSON: one line for each thing that happened, for programs that collect and search it."""

import json
import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from saga.times import rfc3339

# What every record has; the rest was given as `extra`, and becomes keys.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, whatever is in it: a line break is escaped, as is all that is not ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in _OWN and name not in said}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            said["stack"] = self.formatStack(record.stack_info)
        return json.dumps(said, default=str)


def log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Stands in for `sys.excepthook`, which would write a line for each of the traceback's."""
    logging.getLogger(__name__).critical("the process ends: %s", error, exc_info=(kind, error, traceback))


def of_process(name: str, line: str) -> str:
    """Return as JSON a line that the process of this name wrote; what was none before becomes the message."""
    try:
        said = json.loads(line)
    except ValueError:
        said = line
    if not isinstance(said, dict):
        said = {"at": rfc3339(datetime.now(UTC)), "level": "INFO", "logger": "output", "message": line}
    return json.dumps({"process": name, **said})
