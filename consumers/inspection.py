"""What an auditor may see of a ledger and of the coordinator's log: which sagas are in it, and in what state.

Nothing here is asked while a service works. All of it comes out of one index, so it stays quick beside a million sagas.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connections

from saga.definitions import CLOSE
from saga.digests import TALLY_SQL, Tally

_FETCH = 10_000
# Without the closing of sagas, which is no effect on the world.
_EFFECTS = f"SELECT saga_id, step, status, digest FROM consumers_effect WHERE step <> '{CLOSE}'"
_ENDS = "SELECT saga_id, 'end' AS step, outcome AS status, digest FROM consumers_sagalog WHERE outcome IS NOT NULL"

# The (step, status, digest of the saga's id) of a row. In the coordinator's log the step is "end".
Row = tuple[str, str, int]


class Inspection:
    """Looks into the database `alias`; `rows` selects what is to be seen of it."""

    def __init__(self, alias: str, rows: str) -> None:
        self.alias = alias
        self.rows = rows

    def tallies(self) -> dict[tuple[str, str], Tally]:
        """Return the tally of all rows by (step, status)."""
        found = self._select(f"SELECT step, status, {TALLY_SQL} FROM ({self.rows}) AS seen GROUP BY status, step")
        return {(step, status): Tally(count, int(low), int(high)) for step, status, count, low, high in found}

    def digests(self, step: str, status: str, *, part: int = 0, parts: int = 1) -> list[int]:
        """Return the digest of each row in one state, or of one of so many parts of all sagas."""
        condition = "step = %s AND status = %s AND digest %% %s = %s"
        found = self._select(f"SELECT digest FROM ({self.rows}) AS seen WHERE {condition}", step, status, parts, part)
        return [digest for (digest,) in found]

    def of(self, saga_ids: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of these sagas."""
        for start in range(0, len(saga_ids), _FETCH):
            some = saga_ids[start : start + _FETCH]
            wanted = ",".join(["%s"] * len(some))
            statement = f"SELECT step, status, digest FROM ({self.rows}) AS seen WHERE saga_id IN ({wanted})"
            yield from self._select(statement, *some)

    def _select(self, statement: str, *values: str | int) -> Iterator[tuple[Any, ...]]:
        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement, values)
            while rows := cursor.fetchmany(_FETCH):
                yield from rows


def of_ledger(alias: str) -> Inspection:
    return Inspection(alias, _EFFECTS)


def of_log(alias: str) -> Inspection:
    return Inspection(alias, _ENDS)
