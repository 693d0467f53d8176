"""Without Redis a second web process on the same read model is refused at start, on files and on PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment import without_settings
from tests.eventually import eventually
from tests.lacking import give_up
from tests.support.system.live import PATIENCE_S, ROOT, free_port
from tests.support.system.stack import CannotStart, postgres_server

pytestmark = pytest.mark.timeout(180)


class Web:
    """A web process alone, without a broker: it serves all the same."""

    def __init__(self, var_dir: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        own = {"VAR_DIR": str(var_dir), "PORT": str(self.port), **settings}
        self.process = subprocess.Popen(
            (sys.executable, "manage.py", "serve"),
            cwd=ROOT,
            env=without_settings() | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def listens(self) -> bool:
        probe = (sys.executable, "-m", "workshop.alive", "web")
        return not subprocess.run(probe, cwd=ROOT, env=without_settings() | {"PORT": str(self.port)}).returncode

    def started(self) -> "Web":
        eventually(lambda: self.process.poll() is not None or self.listens(), within_s=PATIENCE_S)
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=["files", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    if request.param == "files":
        yield {}
        return
    try:
        with postgres_server() as settings:
            yield settings
    except CannotStart as reason:
        give_up(reason)


def test_a_second_web_process_is_refused_as_long_as_the_first_one_lives(
    settings: dict[str, str], tmp_path: Path
) -> None:
    first = Web(tmp_path, settings).started()
    second = Web(tmp_path, settings)
    _, said = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert said.splitlines()[-1].startswith("CommandError: Another web process uses the read model in ")
    assert "set REDIS_URL" in said
    first.kill()
    successor = Web(tmp_path, settings).started()
    assert successor.process.poll() is None
    successor.kill()
