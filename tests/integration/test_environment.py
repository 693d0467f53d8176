"""Whatever is started for a test, a figure or the chaos is told nothing that is set for a workshop in earnest."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import without_settings
from workshop.config import ROOT

STARTERS = [path for path in (ROOT / "tests").rglob("*.py") if re.search(r'executable, "manage\.py"', path.read_text())]


def test_settings_are_left_out_and_all_else_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "https", "VAR_DIR", "CI"):
        monkeypatch.setenv(name, "true")
    given = without_settings()
    assert [name in given for name in ("KAFKA_BOOTSTRAP_SERVERS", "https", "VAR_DIR", "CI")] == [False] * 2 + [True] * 2


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.name)
def test_whoever_starts_a_run_leaves_settings_out(path: Path) -> None:
    assert "os.environ" not in path.read_text()


def test_the_tests_themselves_take_no_settings_over() -> None:
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", __file__]
    ran = subprocess.run(collect, cwd=ROOT, env=os.environ | {"PORT": "many"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
