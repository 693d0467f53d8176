"""What heartbeats, silence and the supervisor's word make of a service."""

from typing import Any

import pytest

from consumers.pulse import BEAT_INTERVAL_S
from dashboard.backstage.watch import FORGET_AFTER_S, SILENT_AFTER_S, Watch
from tests.support.dashboard.factories import beat


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(clock)


def view(watch: Watch, *, asked_to_run: bool = True, **process: Any) -> dict[str, Any]:
    entry = {"state": "running", "pid": 101, "restarts": 0, "exit": None, **process} if process else None
    return watch.view("provisioner", asked_to_run=asked_to_run, process=entry)


def states(seen: dict[str, Any]) -> dict[str, str]:
    return {one["instance"]: one["state"] for one in seen["instances"]}


STATES = {
    "it runs": ({}, True, "running", ""),
    "it has no partitions yet": ({"partitions": ()}, True, "starting", "joining its group"),
    "it starts": ({"state": "starting", "partitions": ()}, True, "starting", "joining its group"),
    "it fails": ({"state": "failing", "detail": "the ledger is locked"}, True, "failing", "the ledger is locked"),
    "it was asked to stop": ({}, False, "stopping", ""),
    "it has stopped": ({"state": "stopped", "partitions": ()}, False, "stopped", "left its group"),
    "it fails while it should stop": ({"state": "failing", "detail": "broken"}, False, "failing", "broken"),
}


@pytest.mark.parametrize(("said", "asked", "state", "detail"), STATES.values(), ids=STATES)
def test_a_service_is_what_its_instance_says(
    watch: Watch, said: dict[str, Any], asked: bool, state: str, detail: str
) -> None:
    watch.hear(beat(**said))
    seen = view(watch, asked_to_run=asked)
    assert seen["state"] == state
    assert detail in seen["detail"]


def test_a_service_never_heard_of_is_starting(watch: Watch) -> None:
    assert (view(watch)["state"], view(watch)["detail"]) == ("starting", "not heard of yet")


def test_silence_makes_a_service_gone_and_tells_since_when(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(at="2026-01-01T09:08:07Z"))
    clock.now += SILENT_AFTER_S + 0.1
    gone = view(watch)
    assert (gone["state"], gone["detail"]) == ("gone", "silent since 09:08:07 UTC")
    assert (gone["in_flight"], gone["partitions"]) == (0, 0)


def test_an_instance_is_given_up_when_it_missed_three_beats_of_its_own_pace(watch: Watch, clock: Clock) -> None:
    watch.hear(beat())
    clock.now += 3 * BEAT_INTERVAL_S
    assert view(watch)["state"] == "running"
    clock.now += 0.1
    assert view(watch)["state"] == "gone"


def test_a_service_long_silent_is_still_gone(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(at="2026-01-01T09:08:07Z"))
    for _ in range(2):
        clock.now += FORGET_AFTER_S + 1
        watch.hear(beat(service="notifier", instance="notifier-1"))
    assert (view(watch)["state"], view(watch)["detail"]) == ("gone", "silent since 09:08:07 UTC")
    assert view(watch)["instances"] == []


def test_a_death_that_the_supervisor_saw_is_told_before_silence_tells(watch: Watch) -> None:
    watch.hear(beat())
    dead = view(watch, state="restarting", exit="killed by SIGKILL", restarts=2)
    assert (dead["state"], dead["detail"]) == ("restarting", "killed by SIGKILL; it is started again")
    assert (dead["restarts"], states(dead)) == (2, {"provisioner-1": "gone"})


def test_a_death_that_the_supervisor_saw_is_not_that_of_others_which_it_did_not_start(watch: Watch) -> None:
    watch.hear(beat(pid=101))
    watch.hear(beat(pid=201, instance="another", in_flight=7))
    view(watch, pid=101)
    dead = view(watch, state="restarting", pid=None, exit="killed by SIGKILL", restarts=1)
    assert states(dead) == {"provisioner-1": "gone", "another": "running"}
    assert dead["in_flight"] == 7


def test_the_beats_of_a_dead_process_are_not_taken_for_those_of_the_next(watch: Watch) -> None:
    watch.hear(beat(pid=101))
    begun = view(watch, pid=102, exit="killed by SIGKILL")
    assert (begun["state"], begun["detail"]) == (
        "starting",
        "killed by SIGKILL; process 102 has just begun in its place",
    )
    watch.hear(beat(pid=102, instance="provisioner-2"))
    assert view(watch, pid=102)["state"] == "running"


def test_numbers_are_those_of_all_living_instances(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(instance="dead", pid=102, in_flight=100))
    clock.now += SILENT_AFTER_S + 1
    watch.hear(beat(instance="one", in_flight=2, partitions=("new-user/0",)))
    watch.hear(beat(instance="two", in_flight=3, partitions=("new-user/1", "new-user/2")))
    seen = view(watch)
    assert (seen["in_flight"], seen["partitions"]) == (5, 3)
    assert states(seen) == {"one": "running", "two": "running", "dead": "gone"}


def test_of_each_instance_is_told_what_it_does(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(handled=10))
    clock.now += 1
    watch.hear(beat(handled=25, at="2026-01-01T09:08:07Z", heard="a wish"))
    assert view(watch)["instances"] == [
        {
            "instance": "provisioner-1",
            "pid": 101,
            "host": "here",
            "state": "running",
            "partitions": ["new-user/0", "new-user/1"],
            "in_flight": 2,
            "rate": 15.0,
            "last_heartbeat": "2026-01-01T09:08:07Z",
            "heard": "a wish",
        }
    ]


def test_an_instance_that_went_silent_is_listed_as_gone_while_others_go_on(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(instance="alive"))
    watch.hear(beat(instance="silent", pid=102, at="2026-01-01T09:08:07Z"))
    clock.now += SILENT_AFTER_S + 1
    watch.hear(beat(instance="alive"))
    seen = view(watch)
    assert (seen["state"], seen["detail"]) == ("running", "1 of 2 instances went silent, the others go on")
    [gone] = [one for one in seen["instances"] if one["state"] == "gone"]
    assert (gone["instance"], gone["last_heartbeat"]) == ("silent", "2026-01-01T09:08:07Z")
    assert (gone["partitions"], gone["in_flight"], gone["rate"]) == ([], 0, 0)


def test_whoever_ends_in_order_says_so_and_is_gone_at_once(watch: Watch) -> None:
    watch.hear(beat())
    watch.hear(beat(state="ended", partitions=(), at="2026-01-01T09:08:07Z"))
    assert (view(watch)["state"], view(watch)["detail"]) == ("gone", "ended at 09:08:07 UTC")
    assert states(view(watch)) == {"provisioner-1": "gone"}


def test_one_of_many_that_ended_in_order_is_not_missed(watch: Watch) -> None:
    watch.hear(beat())
    watch.hear(beat(instance="another", pid=102, state="ended", partitions=()))
    assert (view(watch)["state"], view(watch)["detail"]) == ("running", "")


@pytest.mark.parametrize(
    ("host", "missing"), [("a-host", {}), ("another-host", {"first": "gone"})], ids=["there", "elsewhere"]
)
def test_nothing_is_missing_where_another_one_has_begun_in_the_place_of_the_dead(
    watch: Watch, clock: Clock, host: str, missing: dict[str, str]
) -> None:
    watch.hear(beat(instance="first", host="a-host", pid=7))
    clock.now += SILENT_AFTER_S + 0.1
    watch.hear(beat(instance="second", host=host, pid=8))
    assert states(view(watch)) == {"second": "running", **missing}


def test_an_instance_that_has_gone_is_no_longer_listed_after_a_while(watch: Watch, clock: Clock) -> None:
    watch.hear(beat())
    clock.now += FORGET_AFTER_S + 1
    assert view(watch)["instances"] == []


def test_other_services_do_not_count(watch: Watch) -> None:
    watch.hear(beat(service="notifier"))
    assert view(watch)["instances"] == []


def test_one_failing_instance_among_good_ones_is_told(watch: Watch) -> None:
    watch.hear(beat(instance="good"))
    watch.hear(beat(instance="bad", state="failing", detail="disk full"))
    assert (view(watch)["state"], view(watch)["detail"]) == ("failing", "disk full")


def test_the_rate_is_handled_messages_a_second_between_two_beats(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(handled=10))
    assert view(watch)["rate"] == 0
    clock.now += 2
    watch.hear(beat(handled=40))
    assert view(watch)["rate"] == 15


def test_a_worker_that_counts_from_nothing_again_has_no_negative_rate(watch: Watch, clock: Clock) -> None:
    watch.hear(beat(handled=10))
    clock.now += 1
    watch.hear(beat(handled=0))
    assert view(watch)["rate"] == 0


@pytest.mark.parametrize(
    ("later", "is_news"),
    [
        pytest.param({"in_flight": 9}, False, id="it works on"),
        pytest.param({"state": "failing"}, True, id="it is in another state"),
        pytest.param({"instance": "another"}, True, id="another instance"),
    ],
)
def test_a_change_of_state_is_news(watch: Watch, later: dict[str, Any], is_news: bool) -> None:
    watch.hear(beat())
    watch.news.clear()
    watch.hear(beat(**later))
    assert watch.news.is_set() is is_news
