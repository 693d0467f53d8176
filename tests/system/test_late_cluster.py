"""A real cluster that is not up yet when the workshop starts."""

import json
import urllib.error
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.brokers.kinds import CannotStartKafka, kafka_server
from tests.support.system.live import PATIENCE_S, LiveWorkshop, free_port


def test_a_kafka_cluster_that_is_not_up_yet_is_waited_for_and_then_used(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port = free_port()
    of_cluster = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}", "KAFKA_PREFIX": "late."}
    workshop = LiveWorkshop(tmp_path / "var", LAG_MS="50,300", **of_cluster)
    workshop.launch()
    with workshop.ended_at_last():
        eventually(lambda: answers(workshop), within_s=PATIENCE_S)
        accepted_before = workshop.onboard(3)
        eventually(lambda: "broker" in not_ready(workshop), within_s=PATIENCE_S)
        try:
            with kafka_server(tmp_path / "kafka", cache=request.config.cache.mkdir("kafka"), port=port):
                everything_goes_on(workshop, accepted_before)
        except CannotStartKafka as reason:
            give_up(f"no Apache Kafka: {reason}")


def everything_goes_on(workshop: LiveWorkshop, accepted_before: list[str]) -> None:
    eventually(workshop.is_up, within_s=PATIENCE_S)
    saga_ids = accepted_before + workshop.onboard(20) + workshop.start_sagas(scenario="trip", count=10)
    saga_ids += workshop.start_sagas(scenario="package", count=5, faults={"hotel": {}})
    eventually(lambda: workshop.steps_done(saga_ids) > 5, within_s=PATIENCE_S)
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
    try:
        workshop.get("/readyz")
    except urllib.error.HTTPError as refusal:
        return {part["name"] for part in json.load(refusal)["dependencies"] if not part["ok"]}
    return set()
