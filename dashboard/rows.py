"""The statements of the hot path, written in SQL: five to ten times faster here than the same through the ORM.

Each works on PostgreSQL as well. Everything else in the dashboard goes through the models.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from pydantic import TypeAdapter

from saga.bus import Place
from saga.state import SagaState, StepState

_STEPS = TypeAdapter(tuple[StepState, ...])

_STORE_TRACE = """
    INSERT INTO dashboard_tracerecord (saga_id, slots, message) VALUES (%s, %s, %s)
    ON CONFLICT (saga_id, slots) DO NOTHING
"""
_LOAD = """
    SELECT saga_id, number, steps, status, ended_at, finished, overtook, overtaken
    FROM dashboard_saga WHERE saga_id IN ({})
"""
_SAVE = """
    UPDATE dashboard_saga
    SET steps = %s, status = %s, ended_at = %s, finished = %s, overtook = %s, overtaken = %s, seq = %s
    WHERE number = %s
"""
_MARK_FED = "UPDATE dashboard_saga SET fed_partition = %s, fed_offset = %s WHERE number = %s"
_IN_LIMIT = 900


@dataclass(slots=True, kw_only=True)
class SagaRow:
    """What changes in a saga's row as its events come in; `finished` is set once, when it has ended."""

    number: int
    state: SagaState
    finished: int | None = None
    overtook: int | None = None
    overtaken: int | None = None
    seq: int = 0


def steps_json(steps: tuple[StepState, ...]) -> str:
    return _STEPS.dump_json(steps).decode()


def store_traces(rows: Sequence[tuple[str, str, str]]) -> None:
    """Keep (saga id, slots, message as on the wire), each once."""
    with connection.cursor() as cursor:
        cursor.executemany(_STORE_TRACE, rows)


def load_sagas(saga_ids: Collection[str]) -> dict[str, SagaRow]:
    """Return the rows of these sagas, as far as they are known."""
    wanted, rows = list(saga_ids), {}
    with connection.cursor() as cursor:
        for start in range(0, len(wanted), _IN_LIMIT):
            some = wanted[start : start + _IN_LIMIT]
            cursor.execute(_LOAD.format(",".join(["%s"] * len(some))), some)
            rows |= {saga_id: _row(*known) for saga_id, *known in cursor.fetchall()}
    return rows


def save_sagas(rows: Iterable[SagaRow]) -> None:
    """Write back rows that `load_sagas` returned."""
    changed = [
        (
            steps_json(row.state.steps),
            row.state.status,
            row.state.ended_at,
            row.finished,
            row.overtook,
            row.overtaken,
            row.seq,
            row.number,
        )
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_SAVE, changed)


def mark_fed(places: Iterable[tuple[int, Place]]) -> None:
    """Note where the first message of each saga, given by number, stands in the log."""
    with connection.cursor() as cursor:
        cursor.executemany(_MARK_FED, [(place.partition, place.offset, number) for number, place in places])


def _row(number: int, steps: str, status: str, ended_at: str | None, *places: int | None) -> SagaRow:
    state = SagaState(steps=_STEPS.validate_json(steps), status=status, ended_at=ended_at)
    finished, overtook, overtaken = places
    return SagaRow(number=number, state=state, finished=finished, overtook=overtook, overtaken=overtaken)
