"""The clocks of two hosts disagree by an hour. Times come from one place, and order never does."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from saga.messages import Kind
from tests.eventually import eventually
from tests.lacking import give_up
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.system.live import PATIENCE_S

MOVED = ("provisioner", "notifier")
PROJECTOR = "projector"
SHORT = timedelta(minutes=5)


@pytest.fixture(scope="module")
def an_hour_behind() -> dict[str, str]:
    """Return the environment of a process that believes so. What it measures by its monotonic clock stays right."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        give_up("faketime is not installed")
    library = {"LD_PRELOAD": str(found[0]), "FAKETIME": "-1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return library | {"PYTHONPATH": str(Path(__file__).with_name("under_faketime"))}


@pytest.fixture
def moved(workshop: SpreadWorkshop, an_hour_behind: dict[str, str]) -> Iterator[SpreadWorkshop]:
    """Some services, and the projector, have a replica on another host, whose clock is an hour behind."""
    for name in (*MOVED, PROJECTOR):
        workshop.start_process(name, number=2, **an_hour_behind)
    eventually(lambda: all(replicas_at_work(workshop, name) == 2 for name in MOVED), within_s=PATIENCE_S)
    eventually(lambda: f"{PROJECTOR}: running" in workshop.said_by(PROJECTOR, number=2), within_s=PATIENCE_S)
    yield workshop
    for name in (*MOVED, PROJECTOR):
        workshop.kill_process(name, number=2)  # under that library it may not hear that it shall end
    eventually(workshop.is_up, within_s=PATIENCE_S)


def replicas_at_work(workshop: SpreadWorkshop, name: str) -> int:
    return sum(bool(one["partitions"]) for one in workshop.service(name)["instances"])


def longest(saga: dict[str, Any]) -> timedelta:
    """Return how far the times of a saga are apart, those of its events among them."""
    times = [saga["started_at"], saga["ended_at"], *(event["at"] for event in saga["events"])]
    moments = [datetime.fromisoformat(time) for time in times]
    return max(moments) - min(moments)


def is_in_causal_order(saga: dict[str, Any]) -> bool:
    """Does everything that a step says come after it was asked for, and the end of the saga after all of it?"""
    kinds = [(event["step"], event["kind"]) for event in saga["events"]]
    first = {said: at for at, said in reversed(list(enumerate(kinds)))}
    began = all(first[step, Kind.RECEIVED] < at for at, (step, kind) in enumerate(kinds) if kind == Kind.SUCCEEDED)
    return began and kinds[0][1] == Kind.STARTED and kinds[-1][1] in (Kind.COMPLETED, Kind.COMPENSATED)


def test_times_agree_although_the_clocks_do_not(moved: SpreadWorkshop, lesson: Lesson) -> None:
    lesson.goes_on_ending(100)
    lesson.says_that_all_is_well()
    lesson.must_end_well()
    sagas = [moved.saga(saga_id) for saga_id in lesson.accepted()]
    assert all(saga["started_at"] <= saga["ended_at"] for saga in sagas)
    assert max(map(longest, sagas)) < SHORT
    assert all(map(is_in_causal_order, sagas))
    # The projector with the lead compares its time with what the other one wrote down.
    assert not [saga for saga in sagas for event in saga["events"] if event["kind"] == Kind.STUCK]


def test_a_retry_is_not_an_hour_late_when_it_waits_for_a_clock_that_is_an_hour_behind(
    moved: SpreadWorkshop, lesson: Lesson
) -> None:
    retried = lesson.crowd_comes(20, {"notify": {"failures": 5, "retryable": True}})
    eventually(lambda: any(moved.steps_of(one)["notify"] == "retrying" for one in retried), within_s=PATIENCE_S)
    moved.kill_process("notifier")
    try:
        moved.wait_until_all_ended(retried)
    finally:
        moved.start_process("notifier")
    lesson.must_end_well()
