"""A browser that stops reading: it is dropped, and nobody else notices."""

import errno
import socket

from tests.bench.clients import sleeper
from tests.eventually import eventually
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.system.live import PATIENCE_S
from workshop.web_server import MAX_UNSENT_BYTES

# What the server may hold for one browser, and what the system takes off it besides.
MORE_THAN_IS_HELD = MAX_UNSENT_BYTES + 8 * 1024 * 1024
# Far above what is ever measured here, and below what a page would show that waits for another one.
LATE_S = 10.0


def is_cut(browser: socket.socket) -> bool:
    """Has the server given up on it?"""
    return browser.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


def test_a_browser_that_stops_reading_is_dropped_and_slows_nobody(workshop: SpreadWorkshop, lesson: Lesson) -> None:
    with sleeper(workshop.port) as browser:
        while lesson.witness.chars < MORE_THAN_IS_HELD:
            lesson.crowd_comes(500)
            lesson.goes_on_ending(400)
        eventually(lambda: is_cut(browser), within_s=PATIENCE_S)
    assert max(lesson.witness.delays_s) < LATE_S
    lesson.must_end_well()
