"""What is installed is what was chosen: every package by its version and its hashes, in the file where it belongs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-audit.txt")
NEEDED = {
    "requirements.txt": "channels channels-redis crc32c daphne django kafka-python redis",
    "requirements-dev.txt": "pytest-django",
}
INSTALLERS = ("Makefile", "Dockerfile")


def entries(lock: str) -> list[str]:
    """Return what the file names, each with all that is said of it in one line."""
    told = re.sub(r"#.*", "", (ROOT / lock).read_text()).replace("\\\n", " ")
    return [line for line in told.splitlines() if line.strip()]


def versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", "\n".join(entries(lock)), re.M))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_named_with_one_version_and_its_hashes(lock: str) -> None:
    whole = re.compile(r"[a-z0-9][a-z0-9.-]*==\S+ +(;.*?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    assert [entry for entry in entries(lock) if not whole.fullmatch(entry)] == []


@pytest.mark.parametrize(("lock", "packages"), NEEDED.items(), ids=NEEDED)
def test_what_everything_stands_on_is_in_its_file(lock: str, packages: str) -> None:
    assert set(packages.split()) - versions(lock).keys() == set()


def test_redis_is_one_with_which_idle_sockets_stay_open() -> None:
    assert int(versions("requirements.txt")["redis"].split(".")[0]) < 8


def test_what_only_the_tests_need_is_not_in_a_run() -> None:
    assert not {name for name in versions("requirements.txt") if name.startswith(("pytest", "mypy", "playwright"))}


@pytest.mark.parametrize("name", INSTALLERS)
def test_nothing_is_installed_without_its_hash(name: str) -> None:
    commands = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    installing = [command for command in commands if re.search(r"\bpip\b.* install\b", command)]
    assert installing
    assert [command for command in installing if "--require-hashes" not in command] == []
