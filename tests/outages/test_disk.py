"""The disk is full: nothing more is accepted, the page says so, and when there is room again everything goes on."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.chaos.crowd import Crowd
from tests.eventually import eventually
from tests.lacking import give_up
from tests.outages.lesson import Lesson
from tests.support.system.live import PATIENCE_S, LiveWorkshop

SIZE = "32m"
BLOCK = bytes(64 * 1024)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", tmp_path), capture_output=True)
    if mounted.returncode:
        give_up(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(("umount", tmp_path), check=True)


@pytest.fixture
def lesson(small_disk: Path) -> Iterator[Lesson]:
    workshop = LiveWorkshop(small_disk / "var", LAG_MS="50,300")
    try:
        with closing(Lesson(workshop.start(), Crowd(workshop, Random()))) as lesson:
            lesson.goes_on_ending()
            yield lesson
    finally:
        workshop.stop()


def fill(disk: Path) -> Path:
    """Write a file until not a byte more can be written."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (len(BLOCK), 1):
            try:
                while file.write(BLOCK[:size]):
                    pass
            except OSError:
                continue
    return filler


def test_with_a_full_disk_nothing_is_accepted_and_nothing_is_lost(lesson: Lesson, small_disk: Path) -> None:
    filler = fill(small_disk)
    lesson.says_what_is_wrong("projector")
    # The files have some room left in themselves.
    reason = eventually(lesson.refusal, within_s=PATIENCE_S)
    assert "nothing was started" in reason
    assert "disk is full" in reason
    filler.unlink()
    lesson.goes_on_ending()
    lesson.says_that_all_is_well()
    lesson.must_end_well()


def test_a_process_that_dies_while_the_disk_is_full_is_started_again(lesson: Lesson, small_disk: Path) -> None:
    filler = fill(small_disk)
    lesson.workshop.kill_process("notifier")
    eventually(lambda: "notifier has ended" in "".join(lesson.workshop.output), within_s=PATIENCE_S)
    filler.unlink()
    lesson.goes_on_ending()
    lesson.says_that_all_is_well()
    lesson.must_end_well()
