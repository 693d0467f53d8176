"""Any number of each process, on real parts: whoever comes, goes or dies under load, nothing is lost or doubled."""

import os
import re
import signal
import subprocess
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.system.live import PATIENCE_S, LiveWorkshop, free_port
from tests.support.system.stack import CannotStart, RedisServer, open_page, postgres_server

pytestmark = pytest.mark.timeout(400)

PARTITIONS = 6
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def workshop(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    with ExitStack() as stack:
        try:
            redis = RedisServer()
            stack.callback(redis.kill)
            databases = stack.enter_context(postgres_server())
        except CannotStart as reason:
            give_up(reason)
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka_address, "REDIS_URL": redis.url, "BACKSTAGE": "false"}
        run = LiveWorkshop(tmp_path_factory.mktemp("scaling") / "var", LAG_MS="100,400", **settings, **databases)
        stack.callback(run.stop)
        yield run.start()


@pytest.fixture
def start(workshop: LiveWorkshop) -> Iterator[Start]:
    """Return what starts one more process of the workshop; all of them end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **settings: str) -> "subprocess.Popen[bytes]":
        started.append(workshop.start_more(*command, **settings))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def instances(workshop: LiveWorkshop, service: str) -> dict[int, Any]:
    """Return the instances of a service by process id, as the page is told of them."""
    return {one["pid"]: one for one in workshop.service(service)["instances"]}


def is_gone(workshop: LiveWorkshop, pid: int) -> bool:
    """Is an authorizer told to have gone, or forgotten since?"""
    told = instances(workshop, "authorizer").get(pid)
    return told is None or told["state"] == "gone"


def shares(workshop: LiveWorkshop, service: str, topic: str) -> dict[int, list[str]]:
    """Return which partitions of a topic each instance has, if it has any."""
    found = {
        pid: [partition for partition in one["partitions"] if partition.startswith(f"{topic}/")]
        for pid, one in instances(workshop, service).items()
    }
    return {pid: partitions for pid, partitions in found.items() if partitions}


def are_shared_out(workshop: LiveWorkshop, *, among: int) -> bool:
    """Has each of so many authorizers partitions of its own, and all of them together all?"""
    found = shares(workshop, "authorizer", "authorize")
    all_of_them = sorted(partition for partitions in found.values() for partition in partitions)
    return len(found) == among and all_of_them == [f"authorize/{number}" for number in range(PARTITIONS)]


def count_authorized(workshop: LiveWorkshop, saga_ids: list[str]) -> int:
    rows = workshop.sagas()
    return sum(
        step["status"] == "done"
        for saga_id in saga_ids
        for step in rows[saga_id]["steps"]
        if step["name"] == "authorize"
    )


def test_replicas_come_go_and_die_under_load_and_nothing_is_lost_or_doubled(
    workshop: LiveWorkshop, start: Start
) -> None:
    leaving, dying = start("consume", "authorizer"), start("consume", "authorizer")
    eventually(lambda: are_shared_out(workshop, among=3), within_s=PATIENCE_S)
    before = len(workshop.sagas())
    saga_ids = workshop.onboard(400)
    eventually(lambda: count_authorized(workshop, saga_ids) > 50, within_s=PATIENCE_S)
    start("consume", "authorizer")
    leaving.terminate()
    dying.kill()
    # Whoever ends in order has said so, and is not missed. Who is missed is soon forgotten, so look for it at once.
    eventually(lambda: workshop.service("authorizer")["detail"].startswith("1 of"), within_s=PATIENCE_S)
    eventually(lambda: all(is_gone(workshop, one.pid) for one in (leaving, dying)), within_s=PATIENCE_S)
    assert not workshop.service("authorizer")["detail"].startswith("2 of")
    eventually(lambda: workshop.service("authorizer")["state"] == "running", within_s=PATIENCE_S)
    workshop.wait_until_all_ended(saga_ids)
    eventually(lambda: are_shared_out(workshop, among=2), within_s=PATIENCE_S)
    rows = workshop.sagas(status="completed")
    assert set(saga_ids) <= rows.keys()
    assert len(workshop.sagas()) == before + len(saga_ids)
    assert workshop.broken_invariants() == []


def leadership(workshop: LiveWorkshop) -> list[int]:
    """Return the process ids of the projectors, first of the one that leads; none if anything does not work."""
    try:
        parts = {part["name"]: part for part in workshop.get("/readyz")["dependencies"]}
    except urllib.error.HTTPError:
        return []
    return [int(pid) for pid in re.findall(r"-(\d+)\b", parts["lead"]["detail"])]


def leader_other_than(workshop: LiveWorkshop, led: int) -> bool:
    return any(leader != led for leader in leadership(workshop)[:1])


def start_second_projector(workshop: LiveWorkshop, start: Start) -> int:
    """Return the process id of the one that leads, once both are known."""
    both = {start("project").pid, workshop.processes()["projector"]["pid"]}
    found = eventually(lambda: set(known := leadership(workshop)) == both and known, within_s=PATIENCE_S)
    return found[0]


def test_of_two_projectors_one_leads_and_when_it_is_killed_the_other_takes_over_and_counts_exactly(
    workshop: LiveWorkshop, start: Start
) -> None:
    led = start_second_projector(workshop, start)
    saga_ids = workshop.onboard(300) + workshop.start_sagas(scenario="trip", count=100, faults={"flight": {}})
    eventually(lambda: len(workshop.ended() & set(saga_ids)) > 30, within_s=PATIENCE_S)
    os.kill(led, signal.SIGKILL)
    more = workshop.onboard(50)
    eventually(lambda: leader_other_than(workshop, led), within_s=PATIENCE_S)
    workshop.wait_until_all_ended(saga_ids + more)
    ended = [row for row in workshop.sagas().values() if row["ended_at"]]
    assert sorted(row["finished"] for row in ended) == list(range(1, len(ended) + 1))
    with open_page(workshop.url) as page:
        counters = page.counters
    assert {status: counters[status] for status in ("completed", "compensated")} == {
        status: sum(row["status"] == status for row in ended) for status in ("completed", "compensated")
    }
    assert workshop.broken_invariants() == []


def test_a_projector_that_is_stopped_in_order_hands_the_lead_over_at_once(workshop: LiveWorkshop, start: Start) -> None:
    led = start_second_projector(workshop, start)
    os.kill(led, signal.SIGTERM)
    eventually(lambda: leader_other_than(workshop, led), within_s=PATIENCE_S)
    workshop.wait_until_all_ended(workshop.onboard(5))


def test_what_is_started_at_one_web_process_is_seen_at_another(workshop: LiveWorkshop, start: Start) -> None:
    port = str(free_port())
    start("serve", PORT=port)
    other_url = f"http://127.0.0.1:{port}"
    eventually(lambda: is_up(other_url), within_s=PATIENCE_S)
    with open_page(other_url) as other, open_page(workshop.url) as page:
        saga_ids = workshop.onboard(20)
        for one in (page, other):
            one.until(lambda rows: all(rows.get(saga_id, {}).get("status") == "completed" for saga_id in saga_ids))


def is_up(url: str) -> bool:
    try:
        with open_page(url):
            return True
    except OSError:
        return False
