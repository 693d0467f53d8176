"""What a start tells, what must outlive any part's death, and that nothing outlives the end: these tests come last."""

import os

import pytest

from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop


@pytest.fixture(scope="module", autouse=True)
def _under_way_for_long(workshop: LiveWorkshop) -> None:
    workshop.set_lag(200, 1500)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_start_tells_in_one_line_where_the_page_is(workshop: LiveWorkshop) -> None:
    told = [line for line in workshop.output if workshop.url in line]
    assert told == [f"Saga Workshop is ready: {workshop.url}/"]


def test_sagas_under_way_survive_the_death_of_everything(workshop: LiveWorkshop) -> None:
    saga_ids = workshop.onboard(20)
    orchestrated = workshop.onboard(10, style="orchestration") + workshop.start_sagas(scenario="package", count=10)
    eventually(lambda: workshop.steps_done(saga_ids + orchestrated) > 30, within_s=PATIENCE_S)
    pids = [entry["pid"] for entry in workshop.processes().values()]
    workshop.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    workshop.start()
    workshop.wait_until_all_ended(saga_ids + orchestrated)
    assert workshop.broken_invariants() == []
    assert workshop.mails(saga_ids + orchestrated) == len(saga_ids) + 10


def test_a_stopped_service_stays_so_when_everything_is_started_again(workshop: LiveWorkshop) -> None:
    workshop.stop_service("notifier")
    saga_ids = workshop.onboard(5)
    eventually(lambda: workshop.steps_done(saga_ids) == 10, within_s=PATIENCE_S)
    workshop.kill()
    workshop.start()
    eventually(lambda: workshop.service("notifier")["backlog"] == 5, within_s=PATIENCE_S)
    assert not any("notifier: running" in line for line in workshop.output)
    assert workshop.mails(saga_ids) == 0
    workshop.change_service("notifier", running=True)
    workshop.wait_until_all_ended(saga_ids)
    assert workshop.mails(saga_ids) == 5


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
