"""The projector is down while a great many sagas are accepted, and comes back."""

import os
from contextlib import closing

import pytest

from saga.bus import Bus
from saga.topics import DEAD_LETTER, TOPICS_BY_SERVICE, TRACE
from tests.eventually import eventually
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.brokers.kinds import KafkaServer
from tests.support.system.live import PATIENCE_S
from workshop.kafka_bus import KafkaBus

SAGAS = int(os.environ.get("OUTAGE_SAGAS", "10000"))
UNDER_WAY = SAGAS // 10
WITHIN_S = 300.0

pytestmark = pytest.mark.timeout(600)


def unread(bus: Bus, group: str, *topics: str) -> int:
    """Return how many messages of these topics the group has not committed yet."""
    committed = bus.committed_offsets(group, topics)
    return sum(end - committed[at] for at, end in bus.end_offsets(topics).items())


def test_sagas_go_on_while_nobody_projects_and_the_page_catches_up(
    hurried: SpreadWorkshop, lesson: Lesson, kafka: KafkaServer
) -> None:
    with closing(KafkaBus(lambda: kafka.address, embedded=False, client_id="outage")) as bus:
        hurried.stop_process("provisioner")
        lesson.crowd_comes(UNDER_WAY)
        eventually(lambda: unread(bus, "provisioner", "new-user") >= UNDER_WAY, within_s=PATIENCE_S)
        hurried.kill_process("projector")
        lesson.says_what_is_wrong("projector")
        hurried.start_process("provisioner")
        readers = TOPICS_BY_SERVICE.items()
        eventually(lambda: not any(unread(bus, name, *topics) for name, topics in readers), within_s=WITHIN_S)
        assert unread(bus, "projector", TRACE, DEAD_LETTER) > UNDER_WAY
    lesson.crowd_comes(SAGAS - UNDER_WAY)
    hurried.start_process("projector")
    lesson.goes_on_ending()
    lesson.says_that_all_is_well()
    lesson.must_end_well(within_s=WITHIN_S)
