"""What Django asks of a deployment holds for the stack as the compose file runs it, with TLS in front and without."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.environment import without_settings
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


def test_a_page_for_everybody_is_not_started_without_a_password(tmp_path: Path) -> None:
    run = [sys.executable, "manage.py", "run"]
    own = {"HOST": "0.0.0.0", "INSTRUCTOR_PASSWORD": "", "VAR_DIR": str(tmp_path)}
    ran = subprocess.run(run, cwd=ROOT, env=without_settings() | own, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "workshop.E008" in ran.stderr
    assert "HINT: Set INSTRUCTOR_PASSWORD" in ran.stderr
    assert not list(tmp_path.glob("*.sqlite3"))
