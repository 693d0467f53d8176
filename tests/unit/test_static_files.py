"""The address of the page's files changes with them, and only with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.static_files import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "page.js").write_text("show();")
    (tmp_path / "page.css").write_text("body {}")
    return tmp_path


CHANGES: dict[str, Callable[[Path], object]] = {
    "another content": lambda folder: (folder / "js" / "page.js").write_text("hide();"),
    "another name": lambda folder: (folder / "page.css").rename(folder / "look.css"),
    "another place": lambda folder: (folder / "page.css").rename(folder / "js" / "page.css"),
    "another folder": lambda folder: (folder / "js").rename(folder / "code"),
    "a name longer by what the content is shorter": lambda folder: (
        (folder / "page.css").rename(folder / "page.cssb").write_text("ody {}")
    ),
    "one more, and empty": lambda folder: (folder / "new.js").touch(),
    "one less": lambda folder: (folder / "page.css").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_gives_another_fingerprint(folder: Path, change: Callable[[Path], object]) -> None:
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) != before


def test_the_same_files_have_the_same_fingerprint_wherever_and_whenever(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "page.css").touch()
    assert fingerprint(folder.rename(folder.with_name("elsewhere"))) == before
