"""Prepares the statements of the hot path: each is parsed and planned once, and not again for every row.

That halves what PostgreSQL has to do for them. Django by itself prepares nothing, and writes the values of each row
into the text of a statement of its own.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import base

# Of executemany() alone: a statement of any other kind is hardly ever repeated to the letter.
NEVER_BY_ITSELF = 1_000_000_000


class Cursor(base.Cursor):
    def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:
        with base.ServerBindingCursor(self.connection) as prepared:
            prepared.executemany(query, params_seq, returning=returning)
            self._rowcount = prepared.rowcount


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        own = {"cursor_factory": Cursor, "prepare_threshold": NEVER_BY_ITSELF}
        return super().get_connection_params() | own
