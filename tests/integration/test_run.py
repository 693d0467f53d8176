"""The whole workshop as a user starts it, and what must outlive the death of any part of it."""

import json
import os
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers import CannotStartKafka, kafka_server
from tests.eventually import eventually
from tests.lacking import give_up
from tests.live import PATIENCE_S, LiveWorkshop, free_port

# Several starts of everything, on a machine that may be busy: whatever is waited for has a deadline of its own.
pytestmark = pytest.mark.timeout(300)


@contextmanager
def ended_at_last(workshop: LiveWorkshop) -> Iterator[LiveWorkshop]:
    """End the workshop if its test did not do so."""
    try:
        yield workshop
    finally:
        if workshop.process.poll() is None:
            workshop.stop()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    """One run for what needs no settings of its own. The last of these tests ends it."""
    with ended_at_last(LiveWorkshop(tmp_path_factory.mktemp("run") / "var", LAG_MS="200,1500").start()) as workshop:
        yield workshop


def steps_done(workshop: LiveWorkshop) -> int:
    sagas = workshop.get("/api/sagas?limit=1000")["sagas"]
    return sum(step["status"] == "done" for saga in sagas for step in saga["steps"])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_sagas_under_way_survive_the_death_of_everything(workshop: LiveWorkshop) -> None:
    saga_ids = workshop.onboard(20)
    orchestrated = workshop.onboard(10, style="orchestration") + workshop.start_sagas(scenario="package", count=10)
    eventually(lambda: steps_done(workshop) > 30, within_s=PATIENCE_S)
    pids = [entry["pid"] for entry in workshop.processes().values()]
    workshop.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    workshop.start()
    workshop.wait_until_all_ended(saga_ids + orchestrated)
    assert workshop.broken_invariants() == []
    assert workshop.mails() == len(saga_ids) + 10


def test_a_stopped_service_stays_so_when_its_process_is_killed_and_nothing_outlives_the_end(
    workshop: LiveWorkshop,
) -> None:
    workshop.stop_service("notifier")
    workshop.kill_process("notifier")
    [saga_id] = workshop.onboard(1)
    eventually(lambda: is_stopped_again(workshop, "notifier"), within_s=PATIENCE_S)
    assert sum("notifier: running" in line for line in workshop.output) == 1
    workshop.change_service("notifier", running=True)
    workshop.wait_until_all_ended([saga_id])
    pids = [entry["pid"] for entry in workshop.processes().values()]
    assert workshop.stop() == 0
    assert not any(is_alive(pid) for pid in pids)


def is_stopped_again(workshop: LiveWorkshop, name: str) -> bool:
    service = workshop.service(name)
    return service["restarts"] == 1 and service["state"] == "stopped" and service["backlog"] == 1


def test_a_kafka_cluster_that_is_not_up_yet_is_waited_for_and_then_used(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port = free_port()
    workshop = LiveWorkshop(tmp_path / "var", KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}", LAG_MS="50,300")
    workshop.launch()
    with ended_at_last(workshop):
        eventually(lambda: answers(workshop), within_s=PATIENCE_S)
        accepted_before = workshop.onboard(3)
        assert "broker" in not_ready(workshop)
        try:
            with kafka_server(tmp_path / "kafka", cache=request.config.cache.mkdir("kafka"), port=port):
                everything_goes_on(workshop, accepted_before)
        except CannotStartKafka as reason:
            give_up(f"no Apache Kafka: {reason}")


def everything_goes_on(workshop: LiveWorkshop, accepted_before: list[str]) -> None:
    eventually(workshop.is_up, within_s=PATIENCE_S)
    saga_ids = accepted_before + workshop.onboard(20) + workshop.start_sagas(scenario="trip", count=10)
    saga_ids += workshop.start_sagas(scenario="package", count=5, faults={"hotel": {}})
    eventually(lambda: steps_done(workshop) > 5, within_s=PATIENCE_S)
    workshop.kill_process("authorizer")
    workshop.kill_process("coordinator")
    workshop.wait_until_all_ended(saga_ids)
    assert workshop.broken_invariants() == []
    assert len(workshop.sagas(status="compensated")) == 5
    assert "broker" not in workshop.processes()
    workshop.stop()


def answers(workshop: LiveWorkshop) -> bool:
    try:
        return bool(workshop.get("/healthz")["ok"])
    except OSError:
        return False


def not_ready(workshop: LiveWorkshop) -> set[str]:
    """Return the names of the dependencies that do not work."""
    with pytest.raises(urllib.error.HTTPError) as refusal:
        workshop.get("/readyz")
    return {part["name"] for part in json.load(refusal.value)["dependencies"] if not part["ok"]}
