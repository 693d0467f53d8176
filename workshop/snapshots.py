"""Holding a database as it is at one moment, while others go on writing to it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connections

# It is held while others are read, which is longer than a transaction may stand idle otherwise.
_PATIENCE = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
_BEGIN = {
    "postgresql": f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PATIENCE}",
    "sqlite": "BEGIN DEFERRED",
}


@contextmanager
def snapshot(alias: str) -> Iterator[None]:
    """Let this thread read the database as it is now, and nothing newer. Nobody is stopped, and nothing can be written.

    Not by Django's `atomic`: that begins so that it may write, and on SQLite stops all others who would.
    """
    connection = connections[alias]
    if connection.in_atomic_block:  # which is one moment already
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
        try:
            # The moment is that of the first look.
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            yield
        finally:
            with suppress(DatabaseError):  # the connection is lost, and the transaction with it
                cursor.execute("ROLLBACK")
