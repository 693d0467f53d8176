"""A service's memory of its effects. What the ledger says happened, happened; everything else can be said again."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import Q
from pydantic import TypeAdapter

from consumers.models import Effect
from saga.bus import Record
from saga.digests import digest_of
from saga.participation import Attempt, Entry, Status

# The statements of the hot path, in SQL: five times faster here than the same through the ORM.
_COLUMNS = "saga_id, step, status, result, attempts, decided_at, undone_at, version, next_at IS NOT NULL"
_FIND = f"SELECT {_COLUMNS} FROM consumers_effect WHERE saga_id IN ({{}})"
_FORGET = "DELETE FROM consumers_effect WHERE saga_id IN ({})"
_INSERT = """
    INSERT INTO consumers_effect
    (saga_id, step, digest, status, result, attempts, decided_at, undone_at, next_at, request, version)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (saga_id, step) DO NOTHING
"""
_UPDATE = """
    UPDATE consumers_effect
    SET status = %s, result = %s, attempts = %s, decided_at = %s, undone_at = %s, next_at = %s, request = %s,
        version = %s
    WHERE saga_id = %s AND step = %s AND version = %s
"""
_SETTLE = """
    UPDATE consumers_effect SET next_at = NULL, request = NULL WHERE saga_id = %s AND step = %s AND version = %s
"""
_ATTEMPTS = TypeAdapter(tuple[Attempt, ...])
Key = tuple[str, str]


class Change(NamedTuple):
    """A row as it shall be, and the record that asked for it, which is kept while it is to come again.

    It comes again for another attempt, or at `say_again_at` (RFC 3339, UTC) if what came of it has not been said then.
    """

    entry: Entry
    record: Record
    say_again_at: str | None = None

    @property
    def next_at(self) -> str | None:
        return self.entry.next_at or self.say_again_at


class Ledger:
    """One service's ledger, in the database `alias` of its own."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def find(self, saga_ids: Collection[str]) -> dict[Key, Entry]:
        """Return what is recorded for these sagas, by (saga id, step)."""
        with connections[self._alias].cursor() as cursor:
            cursor.execute(_FIND.format(",".join(["%s"] * len(saga_ids))), list(saga_ids))
            entries = [_entry(*row) for row in cursor.fetchall()]
        return {entry.key: entry for entry in entries}

    def record(self, changes: Sequence[Change]) -> Mapping[Key, Entry]:
        """Write changes down in one transaction, each over the version that it was made from, and return what stands.

        Where another instance was first, its row stands and is returned in place of ours.
        """
        changes = sorted(changes, key=lambda change: change.entry.key)  # so that two instances never wait in a circle
        inserts = [_inserted(change) for change in changes if change.entry.version == 1]
        updates = [_updated(change) for change in changes if change.entry.version > 1]
        with transaction.atomic(using=self._alias), connections[self._alias].cursor() as cursor:
            written = _execute(cursor, _INSERT, inserts) + _execute(cursor, _UPDATE, updates)
        if written == len(changes):
            return {change.entry.key: change.entry for change in changes}
        return self.find({change.entry.saga_id for change in changes})

    def claim(self, now: str, *, until: str, latest: str, limit: int) -> list[Record]:
        """Return the requests that shall come again now, longest overdue first; nobody else gets them before `until`.

        None can be due later than `latest`.
        """
        is_due = Q(next_at__lte=now) | Q(next_at__gt=latest)
        with transaction.atomic(using=self._alias):
            effects = Effect.objects.using(self._alias)
            due = effects.select_for_update(skip_locked=True).filter(is_due).order_by("next_at")
            requests = dict(due.values_list("id", "request")[:limit])
            effects.filter(id__in=requests).update(next_at=until)
        return [_kept(text) for text in requests.values() if text]

    def next_at(self) -> str | None:
        """Return when the next request is to come again, RFC 3339 in UTC."""
        waiting = Effect.objects.using(self._alias).filter(next_at__isnull=False).order_by("next_at")
        return waiting.values_list("next_at", flat=True).first()

    def drop(self, records: Sequence[Record]) -> None:
        """Keep these requests no longer, whatever they were for."""
        kept = Effect.objects.using(self._alias).filter(next_at__isnull=False)
        kept.filter(request__in=[_text(record) for record in records]).update(next_at=None, request=None)

    def settle(self, entries: Sequence[Entry]) -> None:
        """Keep no request any more for rows that still stand as these do: what came of it has been said."""
        in_order = sorted(entries, key=lambda entry: entry.key)
        rows: list[tuple[object, ...]] = [(entry.saga_id, entry.step, entry.version) for entry in in_order]
        with transaction.atomic(using=self._alias), connections[self._alias].cursor() as cursor:
            _execute(cursor, _SETTLE, rows)

    def forget(self, saga_ids: Collection[str]) -> None:
        """Delete all that is recorded for these sagas, in one transaction."""
        with connections[self._alias].cursor() as cursor:
            cursor.execute(_FORGET.format(",".join(["%s"] * len(saga_ids))), list(saga_ids))


def _execute(cursor: Any, statement: str, rows: list[tuple[object, ...]]) -> int:
    """Return how many rows were written."""
    if not rows:
        return 0
    cursor.executemany(statement, rows)
    return int(cursor.rowcount)


def _values(change: Change) -> tuple[object, ...]:
    entry = change.entry
    result = json.dumps(entry.result)
    attempts = _ATTEMPTS.dump_json(entry.attempts).decode() if entry.attempts else "[]"
    request = _text(change.record) if change.next_at else None
    return (entry.status, result, attempts, entry.decided_at, entry.undone_at, change.next_at, request, entry.version)


def _inserted(change: Change) -> tuple[object, ...]:
    entry = change.entry
    return (entry.saga_id, entry.step, digest_of(entry.saga_id), *_values(change))


def _updated(change: Change) -> tuple[object, ...]:
    entry = change.entry
    return (*_values(change), entry.saga_id, entry.step, entry.version - 1)


def _entry(
    saga_id: str,
    step: str,
    status: str,
    result: str,
    attempts: str,
    decided_at: str | None,
    undone_at: str | None,
    version: int,
    waits: bool,
) -> Entry:
    return Entry(
        saga_id=saga_id,
        step=step,
        status=Status(status),
        result=json.loads(result),
        attempts=_ATTEMPTS.validate_json(attempts) if attempts != "[]" else (),
        decided_at=decided_at,
        undone_at=undone_at,
        version=version,
        waits=bool(waits),
    )


def _text(record: Record) -> str:
    """Return a record as text; it was decoded already, so it is text."""
    place = [record.topic, record.partition, record.offset]
    return json.dumps([*place, (record.key or b"").decode(), (record.value or b"").decode()])


def _kept(text: str) -> Record:
    topic, partition, offset, key, value = json.loads(text)
    return Record(topic=topic, partition=partition, offset=offset, key=key.encode(), value=value.encode())
