"""The whole workshop on real parts: Apache Kafka, PostgreSQL and Redis, and the web server apart from the projector."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from saga.event_lines import LOGGER
from tests.environment import without_settings
from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.system.live import ENDS, PATIENCE_S, ROOT, LiveWorkshop
from tests.support.system.stack import CannotStart, OpenPage, RedisServer, open_page, postgres_server


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    try:
        server = RedisServer()
    except CannotStart as reason:
        give_up(reason)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def workshop(
    redis: RedisServer, kafka_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveWorkshop]:
    with ExitStack() as stack:
        try:
            databases = stack.enter_context(postgres_server())
        except CannotStart as reason:
            give_up(reason)
        var: Path = tmp_path_factory.mktemp("stack") / "var"
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka_address, "REDIS_URL": redis.url, "BACKSTAGE": "false"}
        run = LiveWorkshop(var, LAG_MS="50,300", LOG_FORMAT="json", **settings, **databases)
        stack.callback(run.stop)
        yield run.start()


@pytest.fixture
def page(workshop: LiveWorkshop) -> Iterator[OpenPage]:
    with open_page(workshop.url) as page:
        yield page


def shows_ends_of(page: OpenPage, saga_ids: list[str]) -> None:
    page.until(lambda rows: all(rows.get(saga_id, {}).get("status") in ENDS for saga_id in saga_ids))


def samples(workshop: LiveWorkshop) -> dict[tuple[str, str | None], float]:
    """Return what /metrics tells, by name and, for sagas, by status or end."""
    with urllib.request.urlopen(f"{workshop.url}/metrics", timeout=20) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        found = [sample for family in families for sample in family.samples]
    told: dict[tuple[str, str | None], float] = defaultdict(float)
    for sample in found:
        told[sample.name, sample.labels.get("status") or sample.labels.get("end")] += sample.value
    return told


def logged(workshop: LiveWorkshop, saga_id: str) -> list[dict[str, Any]]:
    """Return the lines of the log about a saga; every line must be JSON."""
    lines = [json.loads(line) for line in list(workshop.output)]
    return [line for line in lines if line["logger"] == LOGGER and line["saga_id"] == saga_id]


def not_ready(workshop: LiveWorkshop) -> set[str]:
    """Return the names of the dependencies that do not work."""
    try:
        workshop.get("/readyz")
    except urllib.error.HTTPError as refusal:
        return {part["name"] for part in json.load(refusal)["dependencies"] if not part["ok"]}
    return set()


def test_sagas_of_both_styles_end_well_and_every_invariant_holds(workshop: LiveWorkshop, page: OpenPage) -> None:
    completing = workshop.onboard(30) + workshop.onboard(30, style="orchestration")
    undone = workshop.onboard(20, faults={"authorize": {}})
    undone += workshop.start_sagas(scenario="package", count=20, faults={"hotel": {}})
    shows_ends_of(page, completing + undone)
    assert {page.rows[saga_id]["status"] for saga_id in completing} == {"completed"}
    assert {page.rows[saga_id]["status"] for saga_id in undone} == {"compensated"}
    assert workshop.broken_invariants() == []


def test_the_web_process_tells_what_the_projector_counted(workshop: LiveWorkshop, page: OpenPage) -> None:
    shows_ends_of(page, workshop.onboard(5))
    told = samples(workshop)
    ended = sum(value for (name, status), value in told.items() if name == "saga_workshop_sagas" and status in ENDS)
    assert sum(value for (name, _), value in told.items() if name == "saga_workshop_saga_seconds_count") == ended
    assert told["saga_workshop_projection_delay_seconds_count", None] > 0


def test_a_saga_is_found_in_the_log_from_its_start_to_its_end(workshop: LiveWorkshop, page: OpenPage) -> None:
    [saga_id] = workshop.onboard(1)
    shows_ends_of(page, [saga_id])
    milestones = {
        ("started", "projector"),
        ("succeeded", "provisioner"),
        ("succeeded", "authorizer"),
        ("succeeded", "notifier"),
        ("completed", "provisioner"),
    }
    # Which came first, no time tells: the clocks of two processes agree within some milliseconds, a hop takes as long.
    eventually(lambda: milestones <= {(line["event"], line["process"]) for line in logged(workshop, saga_id)})
    assert len({line["trace_id"] for line in logged(workshop, saga_id)}) == 1


def test_nothing_is_kept_in_files(workshop: LiveWorkshop) -> None:
    assert list(workshop.var_dir.glob("*.sqlite3")) == []


def test_pages_miss_nothing_while_redis_is_away_and_after_it(
    workshop: LiveWorkshop, page: OpenPage, redis: RedisServer
) -> None:
    redis.kill()
    eventually(lambda: not_ready(workshop) == {"redis"}, within_s=PATIENCE_S)
    while_away = workshop.onboard(10)
    shows_ends_of(page, while_away)
    with open_page(workshop.url) as opened_while_away:
        assert set(while_away) <= opened_while_away.rows.keys()
        redis.start()
        eventually(workshop.is_up, within_s=PATIENCE_S)
        afterwards = workshop.onboard(5)
        shows_ends_of(page, afterwards)
        shows_ends_of(opened_while_away, afterwards)


@contextmanager
def hanging(workshop: LiveWorkshop, *names: str) -> Iterator[None]:
    """Let these processes stand still for a while."""
    pids = [workshop.processes()[name]["pid"] for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def unhealthy(workshop: LiveWorkshop) -> set[str]:
    """Return the names of the processes that do not pass the health check of their containers."""
    place = without_settings() | {"VAR_DIR": str(workshop.var_dir), "PORT": str(workshop.port)}
    check = (sys.executable, "-m", "workshop.alive")
    return {name for name in workshop.processes() if subprocess.run((*check, name), cwd=ROOT, env=place).returncode}


def test_processes_that_hang_are_found_out_and_afterwards_nothing_is_missing(
    workshop: LiveWorkshop, page: OpenPage
) -> None:
    with hanging(workshop, "projector", "notifier"):
        eventually(lambda: "projector" in not_ready(workshop), within_s=PATIENCE_S)
        accepted = workshop.onboard(5)
        eventually(lambda: unhealthy(workshop) == {"projector", "notifier"}, within_s=PATIENCE_S)
    eventually(lambda: not unhealthy(workshop), within_s=PATIENCE_S)
    shows_ends_of(page, accepted)
    eventually(workshop.is_up, within_s=PATIENCE_S)
    assert workshop.broken_invariants() == []
