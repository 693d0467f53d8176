"""Replicas of a service come, go and are killed while their group is sharing out its partitions."""

import signal
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import KafkaAdminClient

from tests.eventually import eventually
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.brokers.kinds import KafkaServer
from tests.support.system.live import PATIENCE_S

SERVICE = "authorizer"
SHARING_OUT = ("PreparingRebalance", "CompletingRebalance")


@pytest.fixture
def admin(kafka: KafkaServer) -> Iterator[KafkaAdminClient]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka.address)) as admin:
        yield admin


@pytest.fixture
def replicas(workshop: SpreadWorkshop) -> Iterator[SpreadWorkshop]:
    """Four of the service, each of which has partitions."""
    for number in (2, 3, 4):
        workshop.start_process(SERVICE, number=number)
    eventually(lambda: at_work(workshop) == workshop.pids(SERVICE), within_s=PATIENCE_S)
    yield workshop
    for number in workshop.numbers(SERVICE) - {1}:
        workshop.stop_process(SERVICE, number=number)


def at_work(workshop: SpreadWorkshop) -> set[int]:
    """Return the processes of the service that have partitions, by what the page says."""
    return {one["pid"] for one in workshop.service(SERVICE)["instances"] if one["partitions"]}


def is_sharing_out(admin: KafkaAdminClient) -> bool:
    return admin.describe_groups([SERVICE])[SERVICE]["group_state"] in SHARING_OUT


def test_a_replica_killed_in_the_middle_of_a_rebalance_loses_nothing_and_doubles_nothing(
    replicas: SpreadWorkshop, admin: KafkaAdminClient, lesson: Lesson
) -> None:
    """The group waits for the one that hangs, so there is a middle, however quick the others are."""
    for joining, leaving, dying in ((5, 2, 3), (6, 4, 5)):
        replicas.start_process(SERVICE, number=joining)
        eventually(lambda: at_work(replicas) == replicas.pids(SERVICE), within_s=PATIENCE_S)
        replicas.tell_process(SERVICE, signal.SIGSTOP, number=dying)
        replicas.tell_process(SERVICE, signal.SIGTERM, number=leaving)
        eventually(lambda: is_sharing_out(admin), within_s=PATIENCE_S)
        replicas.kill_process(SERVICE, number=dying)
        replicas.await_end(SERVICE, number=leaving)
        eventually(lambda: at_work(replicas) == replicas.pids(SERVICE), within_s=PATIENCE_S)
    lesson.goes_on_ending()
    lesson.must_end_well()
