"""A service's process is stopped as a container is, sagas wait for it, and it is started again."""

from tests.eventually import eventually
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.system.live import PATIENCE_S

SERVICE = "authorizer"


def test_sagas_wait_for_a_process_that_was_stopped_until_it_is_started_again(
    workshop: SpreadWorkshop, lesson: Lesson
) -> None:
    workshop.stop_process(SERVICE)
    try:
        gone = eventually(lambda: (row := workshop.service(SERVICE))["state"] == "gone" and row, within_s=PATIENCE_S)
        assert gone["detail"].startswith("ended at")
        waiting = lesson.crowd_comes(30)
        eventually(lambda: lesson.backlogs()[SERVICE] >= len(waiting), within_s=PATIENCE_S)
    finally:
        workshop.start_process(SERVICE)
    lesson.must_end_well()
