"""Retention in the whole workshop, with load on: sizes stay bounded, everything holds all the time, whoever dies."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

KEPT = 40
LEDGERS = ("provisioner", "authorizer", "notifier", "car", "hotel", "flight", "tickets")


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[LiveWorkshop]:
    workshop = LiveWorkshop(tmp_path / "var", LAG_MS="0,200", RETENTION_SAGAS=str(KEPT)).start()
    yield workshop
    workshop.stop()


def count(workshop: LiveWorkshop, database: str, what: str) -> int:
    place = f"file:{workshop.var_dir}/{database}.sqlite3?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as opened:
        return int(opened.execute(f"SELECT count(DISTINCT saga_id) FROM {what}").fetchone()[0])


def sizes(workshop: LiveWorkshop) -> dict[str, int]:
    """Return how many sagas each database knows."""
    ledgers = {name: count(workshop, f"ledger-{name}", "consumers_effect") for name in LEDGERS}
    log = count(workshop, "ledger-coordinator", "consumers_sagalog")
    return ledgers | {
        "log": log,
        "sagas": count(workshop, "dashboard", "dashboard_saga"),
        "traces": count(workshop, "dashboard", "dashboard_tracerecord"),
    }


def holds_and_is_small(workshop: LiveWorkshop) -> bool:
    assert workshop.broken_invariants() == []
    return max(sizes(workshop).values()) <= KEPT


def start_some(workshop: LiveWorkshop) -> list[str]:
    saga_ids = workshop.onboard(40) + workshop.onboard(20, style="orchestration")
    saga_ids += workshop.start_sagas(scenario="package", count=10, faults={"hotel": {}})
    return saga_ids + workshop.onboard(10, faults={"notify": {}})


def counters_add_up(workshop: LiveWorkshop, number: int) -> bool:
    assert workshop.broken_invariants() == []
    detail = workshop.get("/api/invariants")["checks"][0]["detail"]
    return detail.startswith(f"{number} accepted, {number} ended")


def test_under_load_all_databases_stay_small_and_everything_holds(workshop: LiveWorkshop) -> None:
    number = 0
    for victim in ("authorizer", "web", "coordinator"):
        number += len(start_some(workshop))
        workshop.kill_process(victim)
        eventually(workshop.is_up, within_s=PATIENCE_S)
    eventually(lambda: counters_add_up(workshop, number), within_s=PATIENCE_S)
    eventually(lambda: holds_and_is_small(workshop), within_s=PATIENCE_S)
    assert len(workshop.sagas()) == KEPT
