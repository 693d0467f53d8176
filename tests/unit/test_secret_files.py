"""Secrets are made once, and kept."""

import stat
from pathlib import Path

from workshop.secret_files import SIZES, make_missing


def test_what_is_missing_is_made_and_nobody_can_change_it(tmp_path: Path) -> None:
    make_missing(tmp_path)
    assert {path.name: stat.filemode(path.stat().st_mode) for path in tmp_path.iterdir()} == dict.fromkeys(
        SIZES, "-r--r--r--"
    )


def test_no_two_are_the_same(tmp_path: Path) -> None:
    make_missing(tmp_path)
    assert len({path.read_text() for path in tmp_path.iterdir()}) == len(SIZES)


def test_what_is_there_is_in_use_and_stays(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("mine")
    make_missing(tmp_path)
    assert (tmp_path / "secret_key").read_text() == "mine"
