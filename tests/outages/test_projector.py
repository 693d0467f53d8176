"""The projector is down while a great many sagas are accepted, and comes back."""

import os

import pytest

from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop

SAGAS = int(os.environ.get("OUTAGE_SAGAS", "10000"))
WITHIN_S = 300.0

pytestmark = pytest.mark.timeout(600)


def test_the_page_catches_up_on_whatever_was_accepted_while_nobody_projected(
    hurried: SpreadWorkshop, lesson: Lesson
) -> None:
    hurried.kill_process("projector")
    lesson.says_what_is_wrong("projector")
    lesson.crowd_comes(SAGAS)
    hurried.start_process("projector")
    lesson.goes_on_ending()
    lesson.says_that_all_is_well()
    lesson.must_end_well(within_s=WITHIN_S)
