"""Without Redis a second web process on the same files is refused, and let in when the first one has ended."""

import os
from pathlib import Path

import pytest

from workshop import sole
from workshop.config import Config
from workshop.state import try_lock


@pytest.fixture
def other(tmp_path: Path) -> int:
    """The lock as another process opens it."""
    return os.open(tmp_path / sole.LOCK_NAME, os.O_RDWR | os.O_CREAT)


def test_a_second_web_process_is_refused_until_the_first_one_has_ended(
    other: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sole, "PATIENCE_S", 0.0)
    assert try_lock(other)
    with pytest.raises(sole.ReadModelTaken, match=f"{tmp_path}.*REDIS_URL"):
        sole.claim(Config(var_dir=tmp_path))
    os.close(other)
    assert sole.claim(Config(var_dir=tmp_path))


def test_the_first_one_keeps_others_out(other: int, tmp_path: Path) -> None:
    assert sole.claim(Config(var_dir=tmp_path))
    assert not try_lock(other)
    os.close(other)
