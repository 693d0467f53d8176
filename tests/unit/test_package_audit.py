"""The audit of the packages is green only when every one was asked for, and none is known to be vulnerable."""

import json

import pytest

from tests.package_audit import CLEAN, UNKNOWN, VULNERABLE, verdict

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
ROTTEN = {"name": "rotten", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNHEARD_OF = {"name": "unheard-of", "skip_reason": "not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "status", "lines"),
    [
        pytest.param([SOUND], CLEAN, ["No known vulnerability in 1 packages"], id="none is known"),
        pytest.param([SOUND, ROTTEN], VULNERABLE, ["rotten 2.0: PYSEC-1, mended in 2.1"], id="one is known"),
        pytest.param([ROTTEN, ROTTEN], VULNERABLE, ["rotten 2.0: PYSEC-1, mended in 2.1"], id="in both files"),
        pytest.param(
            [SOUND, UNHEARD_OF], UNKNOWN, ["Not audited: 1 of 2 packages (not found on PyPI)"], id="one was skipped"
        ),
        pytest.param(
            [ROTTEN, UNHEARD_OF],
            VULNERABLE,
            ["rotten 2.0: PYSEC-1, mended in 2.1", "Not audited: 1 of 2 packages (not found on PyPI)"],
            id="one is known and one was skipped",
        ),
    ],
)
def test_the_verdict_follows_from_the_answer(packages: list[object], status: int, lines: list[str]) -> None:
    assert verdict(json.dumps({"dependencies": packages, "fixes": []}), "") == (status, lines)


def test_no_answer_is_not_a_good_answer() -> None:
    status, [line] = verdict("", "Traceback\nConnectionError: no such host\n")
    assert status == UNKNOWN
    assert line == "Not audited: the vulnerability service cannot be reached (ConnectionError: no such host)"
