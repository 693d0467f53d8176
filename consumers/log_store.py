"""The coordinator's log, in its own database. All that the coordinator knows is in it."""

from collections.abc import Collection, Mapping, Sequence

from django.db import connections, transaction
from django.db.utils import IntegrityError
from pydantic import TypeAdapter

from saga.digests import digest_of
from saga.errors import SagaError
from saga.saga_log import LogEntry

_ENTRY = TypeAdapter(LogEntry)
_FIND = "SELECT saga_id, entry FROM consumers_sagalog WHERE saga_id IN ({}) ORDER BY saga_id, position"
_APPEND = """
    INSERT INTO consumers_sagalog (saga_id, position, mark, step, entry, at, outcome, digest)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_FORGET = "DELETE FROM consumers_sagalog WHERE saga_id IN ({})"


class LogHasMoved(SagaError):
    """Raised when another coordinator has written to the log of the same saga in the meantime."""


class SagaLogStore:
    """The logs of all sagas, in the database `alias`."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def read(self, saga_ids: Collection[str]) -> dict[str, list[LogEntry]]:
        """Return the log of each of these sagas, oldest entry first; nothing for one that was never begun."""
        logs: dict[str, list[LogEntry]] = {}
        with connections[self._alias].cursor() as cursor:
            cursor.execute(_FIND.format(",".join(["%s"] * len(saga_ids))), list(saga_ids))
            for saga_id, entry in cursor.fetchall():
                logs.setdefault(saga_id, []).append(_ENTRY.validate_json(entry))
        return logs

    def append(self, entries: Mapping[str, tuple[int, Sequence[LogEntry]]], *, at: str) -> None:
        """Append to the logs of sagas, each from a position on, in one transaction. Raises LogHasMoved."""
        rows = [
            _row(saga_id, position, entry, at)
            for saga_id, (start, new) in sorted(entries.items())  # so that two coordinators never wait in a circle
            for position, entry in enumerate(new, start)
        ]
        try:
            with transaction.atomic(using=self._alias), connections[self._alias].cursor() as cursor:
                cursor.executemany(_APPEND, rows)
        except IntegrityError as error:
            raise LogHasMoved("another coordinator was faster; the messages are read again") from error

    def forget(self, saga_ids: Collection[str]) -> None:
        """Delete the logs of these sagas, in one transaction."""
        with connections[self._alias].cursor() as cursor:
            cursor.execute(_FORGET.format(",".join(["%s"] * len(saga_ids))), list(saga_ids))


def _row(saga_id: str, position: int, entry: LogEntry, at: str) -> tuple[str | int | None, ...]:
    text = _ENTRY.dump_json(entry, exclude_defaults=True).decode()
    ending = (entry.end, digest_of(saga_id)) if entry.end else (None, None)
    return (saga_id, position, entry.mark, entry.step, text, at, *ending)
