"""What Django asks of a deployment holds for the stack as the compose file runs it, with TLS in front and without."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.environment import without_settings
from tests.support.system.live import free_port
from workshop.secret_files import make_missing

ROOT = Path(__file__).parents[2]
WEB = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["web"]["environment"]


@pytest.mark.parametrize("https", ["true", "false"], ids=["behind TLS", "on loopback"])
def test_the_settings_of_the_stack_pass_the_checks_for_deployment(https: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    make_missing(secrets)
    given = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in WEB.items()}
    own = {"HOST": "0.0.0.0", "HTTPS": https, "SECRETS_DIR": str(secrets), "VAR_DIR": str(tmp_path)}
    check = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    ran = subprocess.run(
        check, cwd=ROOT, env=without_settings() | given | own, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout


OPEN = {"HOST": "0.0.0.0"}
APART = {"BACKSTAGE": "false"}
HALF = {"DATABASE_URL": "postgresql://127.0.0.1:1/dashboard"}
REFUSED: dict[str, tuple[list[str], dict[str, str], str, str]] = {
    "run, open to the network": (["run"], OPEN, "E008", "Set INSTRUCTOR_PASSWORD"),
    "serve, open to the network": (["serve"], OPEN, "E008", "Set INSTRUCTOR_PASSWORD"),
    "serve, one of two without Redis": (["serve"], APART, "E007", "Set REDIS_URL"),
    "project, one of two without Redis": (["project"], APART, "E007", "Set REDIS_URL"),
    "consume, half in PostgreSQL": (["consume", "notifier"], HALF, "E006", "Set both DATABASE_URL"),
    "migrate_all, half in PostgreSQL": (["migrate_all"], HALF, "E006", "Set both DATABASE_URL"),
}


@pytest.mark.parametrize(("command", "given", "id", "hint"), REFUSED.values(), ids=REFUSED)
def test_no_process_is_started_with_settings_that_are_wrong_together(
    tmp_path: Path, command: list[str], given: dict[str, str], id: str, hint: str
) -> None:
    own = {"INSTRUCTOR_PASSWORD": "", "PORT": str(free_port()), "VAR_DIR": str(tmp_path), **given}
    start = [sys.executable, "manage.py", *command]
    ran = subprocess.run(
        start, cwd=ROOT, env=without_settings() | own, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert f"workshop.{id}" in ran.stderr
    assert f"HINT: {hint}" in ran.stderr
    assert not list(tmp_path.glob("*.sqlite3"))
