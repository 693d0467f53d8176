"""The page's pure model, run where it can be: under Node, which nobody needs to run the workshop."""

import re
import shutil
import subprocess
from pathlib import Path

import playwright

from tests.lacking import give_up

TESTS = sorted(str(path) for path in (Path(__file__).parents[1] / "page").glob("*.test.mjs"))
# Earlier ones do not recognise a module by its content.
OLDEST_NODE = (20, 19)
PLAYWRIGHTS = Path(playwright.__file__).with_name("driver") / "node"


def _node() -> str:
    """Return the path of the machine's Node if that is new enough, or else of the one that Playwright brings."""
    for node in (shutil.which("node"), str(PLAYWRIGHTS)):
        if node and _version_of(node) >= OLDEST_NODE:
            return node
    give_up(f"no Node of version {'.'.join(map(str, OLDEST_NODE))} or newer")


def _version_of(node: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(map(int, re.findall(r"\d+", said)))


def test_page_model_keeps_its_rules() -> None:
    run = subprocess.run([_node(), "--test", *TESTS], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
