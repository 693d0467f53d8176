"""The page's pure model, run where it can be: under Node, which nobody needs to run the workshop."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted(str(path) for path in (Path(__file__).parents[1] / "page").glob("*.test.mjs"))
# Earlier ones do not recognise a module by its content.
OLDEST_NODE = (20, 19)


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is older than {OLDEST_NODE}")
    return node


def test_page_model_keeps_its_rules() -> None:
    run = subprocess.run([_node(), "--test", *TESTS], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
