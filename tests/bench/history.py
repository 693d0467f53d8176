"""A million sagas of history: how long the first page takes, and how long it takes to tell that everything holds.

The databases are filled directly: the read model, the ledgers and the coordinator's log, as a million sagas that have
ended leave them. Only the trace messages are left out, thirteen million rows that neither of the two ever reads.
"""

import random
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from websockets.sync.client import connect

from tests.bench.options import Options, say
from tests.bench.report import Figure
from tests.bench.stack import ROOT, Stack, running
from tests.environment import without_settings

SAGAS = 1_000_000
FILL_S = 1_800.0
AT = "2026-01-01T00:00:00.000000Z"
# Of ten sagas, so many of each scenario and style; and every tenth of all was compensated.
MIX = (
    *[("onboarding", "choreography")] * 6,
    *[("onboarding", "orchestration")] * 2,
    ("trip", "orchestration"),
    ("package", "orchestration"),
)
PAGES = {
    "the page": "/",
    "newest sagas of the API": "/api/sagas",
    "a thousand sagas of the API": "/api/sagas?limit=1000",
    "sagas that are running": "/api/sagas?status=running",
    "invariants": "/api/invariants",
}
TARGETS_MS = {
    "the page": 300.0,
    "first rows on the socket": 300.0,
    "newest sagas of the API": 300.0,
    "invariants": 5_000.0,
}


def measure(options: Options) -> list[Figure]:
    samples: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="saga-bench-") as directory, options.parts() as parts:
        say(f"history: filled with {SAGAS:,} sagas in {_fill_there(Path(directory), parts.settings):.0f} s")
        # Nothing may be forgotten while it is looked at.
        with running(Path(directory), parts, RETENTION_DAYS=0, RETENTION_SAGAS=0) as stack:
            for number in options.rounds():
                took = _take(stack)
                say(f"history {number + 1}: {', '.join(f'{what} {ms:.0f} ms' for what, ms in took.items())}")
                for what, ms in took.items():
                    samples.setdefault(what, []).append(ms)
    return [
        Figure(name=f"{SAGAS:,} sagas of history: {what}", unit="ms", samples=taken, target=TARGETS_MS.get(what))
        for what, taken in samples.items()
    ]


def _take(stack: Stack) -> dict[str, float]:
    took = {what: _time(lambda path=path: _get(stack, path)) for what, path in PAGES.items()}
    assert stack.ask("/api/invariants")["ok"]
    return took | {"first rows on the socket": _time(lambda: _first_frame(stack))}


def _time(act: Any) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def _get(stack: Stack, path: str) -> None:
    with urllib.request.urlopen(f"{stack.url}{path}", timeout=120) as response:
        response.read()


def _first_frame(stack: Stack) -> None:
    with connect(f"ws://127.0.0.1:{stack.port}/ws/sagas/", max_size=None) as socket:
        socket.recv(timeout=120)


def _fill_there(directory: Path, settings: Mapping[str, str]) -> float:
    """Fill the databases in a process of its own: which they are is decided once in a process."""
    began = time.monotonic()
    own = {"VAR_DIR": str(directory), "DJANGO_SETTINGS_MODULE": "workshop.settings"}
    command = (sys.executable, "-m", "tests.bench.history", str(SAGAS))
    subprocess.run(command, cwd=ROOT, env=without_settings() | own | dict(settings), check=True, timeout=FILL_S)
    return time.monotonic() - began


class _Saga(NamedTuple):
    """One saga that has ended."""

    number: int
    saga_id: str
    digest: int
    scenario: str
    style: str
    status: str


def fill(count: int, *, compensated_every: int = 10) -> None:
    """Fill the databases of this process's settings, which Django knows already, with so many sagas."""
    from dashboard.models import Board, Saga
    from saga.definitions import COORDINATOR
    from saga.topics import PARTICIPANTS

    sagas = list(_sagas(count, compensated_every))
    states = _states()
    rows = ((*saga, *_rest_of(saga, states[saga.scenario, saga.status])) for saga in sagas)
    _load("default", Saga, (*_Saga._fields, *_REST), rows)
    lost = sum(saga.status == "compensated" for saga in sagas)
    Board.objects.create(
        pk=1, seq=count, accepted=count, ended=count, completed=count - lost, compensated=lost, out_of_order=0
    )
    for service in PARTICIPANTS:
        _load_effects(service, sagas)
    _load_log(COORDINATOR, [saga for saga in sagas if saga.style == "orchestration"])


_REST = (
    "user_name department started_at ended_at finished overtook overtaken faults state progress_at round "
    "fed_topic fed_partition fed_offset seq"
).split()


def _rest_of(saga: _Saga, state: str) -> tuple[object, ...]:
    user = ("Ada Lovelace", "Engineering")
    return (*user, AT, AT, saga.number, 0, 0, "{}", state, AT, 1, "new-user", 0, saga.number, saga.number)


def _sagas(count: int, compensated_every: int) -> Iterator[_Saga]:
    from saga.digests import digest_of

    chance = random.Random(1)
    for number in range(1, count + 1):
        saga_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        status = "completed" if number % compensated_every else "compensated"
        yield _Saga(number, saga_id, digest_of(saga_id), *chance.choice(MIX), status)


def _states() -> dict[tuple[str, str], str]:
    """Return the state of a saga as the read model keeps it, by scenario and status."""
    from dashboard.readmodel.rows import state_json
    from saga.definitions import DEFINITIONS
    from saga.state import initial

    texts = {}
    for definition in DEFINITIONS.values():
        for status, step_status in (("completed", "done"), ("compensated", "undone")):
            known = initial(definition)
            result = {"device_id": "WS-0A1B2C", "model": "Workstation 16-core"}
            steps = tuple(replace(step, status=step_status, attempts=1, result=result) for step in known.steps)
            state = replace(known, steps=steps, end=status, ended_at=AT, hop=4)
            texts[definition.scenario, status] = state_json(state)
    return texts


def _load_effects(service: str, sagas: Iterable[_Saga]) -> None:
    """Write the ledger of a service: the last step of a compensated saga failed, the others were undone."""
    from consumers.models import Effect
    from saga.definitions import DEFINITIONS

    columns = "saga_id step status result attempts decided_at version digest".split()
    steps = {
        definition.scenario: [
            (step.name, "failed" if step is definition.steps[-1] else "undone")
            for step in definition.steps
            if step.service == service
        ]
        for definition in DEFINITIONS.values()
    }
    result = '{"device_id": "WS-0A1B2C", "model": "Workstation 16-core"}'
    rows = (
        (saga.saga_id, name, "done" if saga.status == "completed" else back, result, "[]", AT, 1, saga.digest)
        for saga in sagas
        for name, back in steps[saga.scenario]
    )
    _load(service, Effect, columns, rows)


def _load_log(coordinator: str, sagas: Iterable[_Saga]) -> None:
    """Write the log: eight lines for each saga, the last of which says how it ended."""
    from consumers.models import SagaLog

    columns = "saga_id position mark entry at outcome digest".split()
    line = '{"mark":"start step","step":"provision","hop":1,"cause":"00000000-0000-4000-8000-000000000000.provision"}'
    rows = (
        (saga.saga_id, position, mark, line, AT, *ending)
        for saga in sagas
        for position in range(8)
        for mark, ending in [
            ("end saga", (saga.status, saga.digest)) if position == 7 else ("start step", (None, None))
        ]
    )
    _load(coordinator, SagaLog, columns, rows)


def _load(alias: str, model: Any, columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Write rows as fast as the database takes them; these files need not survive a loss of power."""
    from django.db import connections, transaction

    names = list(columns)
    table, into = model._meta.db_table, ", ".join(names)
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({into}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"VACUUM ANALYZE {table}")
            return
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA cache_size=-500000")
        with transaction.atomic(using=alias):
            cursor.executemany(f"INSERT INTO {table} ({into}) VALUES ({', '.join(['%s'] * len(names))})", rows)
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def main() -> None:
    import django

    django.setup()
    from workshop.schema import migrate_all

    migrate_all()
    fill(int(sys.argv[1]))


if __name__ == "__main__":
    main()
