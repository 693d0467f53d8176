"""A service's memory of its effects. What the ledger says happened, happened; everything else can be said again."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import transaction

from consumers.models import Effect


class Entry(NamedTuple):
    """The effect of one step of one saga: what it achieved, and when that was written down (RFC 3339, UTC)."""

    saga_id: str
    step: str
    result: dict[str, Any]
    recorded_at: str

    @property
    def key(self) -> tuple[str, str]:
        return (self.saga_id, self.step)


class Ledger:
    """One service's ledger, in the database `alias` of its own."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def find(self, saga_ids: Collection[str]) -> dict[tuple[str, str], Entry]:
        """Return what is recorded for these sagas, by (saga id, step)."""
        rows = Effect.objects.using(self._alias).filter(saga_id__in=saga_ids)
        entries = (Entry(*row) for row in rows.values_list("saga_id", "step", "result", "recorded_at"))
        return {entry.key: entry for entry in entries}

    def effects(self) -> Iterator[tuple[str, str]]:
        """Yield the (saga id, step) of every step done, the closing of sagas left out."""
        rows = Effect.objects.using(self._alias).exclude(step="close").values_list("saga_id", "step")
        return rows.iterator(10_000)

    def record(self, entries: Iterable[Entry]) -> Mapping[tuple[str, str], Entry]:
        """Write entries down in one transaction, each unless its step is recorded already, and return what stands.

        Where another instance was first, its entry stands and is returned in place of ours.
        """
        new = list(entries)
        rows = [Effect(saga_id=e.saga_id, step=e.step, result=e.result, recorded_at=e.recorded_at) for e in new]
        with transaction.atomic(using=self._alias):
            Effect.objects.using(self._alias).bulk_create(rows, ignore_conflicts=True)
            return self.find({entry.saga_id for entry in new})
