"""The compose file runs what the workshop is made of, and gives away nothing that it should not."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from saga.topics import SERVICES
from workshop.checks import WEB_RULES, broken_rules
from workshop.config import Config
from workshop.processes import SERVICE_PROCESSES
from workshop.secret_files import SIZES, make_missing
from workshop.web_server import LAST_ANSWERS_S

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
ALL: dict[str, dict[str, Any]] = FILE["services"]
ONCE = {"migrate", "secrets"}
LASTING = {name: service for name, service in ALL.items() if name not in ONCE}
OURS = {name: service for name, service in ALL.items() if service["image"].startswith("saga-workshop:")}
COMMANDS = {
    "web": ["serve"],
    "projector": ["project"],
    "migrate": ["migrate_all"],
    **{name: ["consume", name] for name in SERVICE_PROCESSES},
}


@pytest.mark.parametrize(("name", "command"), COMMANDS.items(), ids=COMMANDS)
def test_every_process_has_a_container(name: str, command: list[str]) -> None:
    assert ALL[name]["command"] == command


@pytest.mark.parametrize("service", ALL.values(), ids=ALL)
def test_every_image_is_pinned_to_a_release(service: dict[str, Any]) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+(-[\w.]+)?$|:\d+\.\d+-\w+$", service["image"])


def test_the_image_is_built_once_by_who_starts_before_all_others_that_need_it() -> None:
    assert [name for name, service in ALL.items() if "build" in service] == ["secrets"]
    assert all("secrets" in _waits_for(name) for name in OURS)


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_what_is_ours_is_asked_of_no_registry(service: dict[str, Any]) -> None:
    assert service["pull_policy"] == "never"


def test_the_image_is_built_on_a_release() -> None:
    bases = re.findall(r"^(?:ARG PYTHON=|FROM )(\S+)", DOCKERFILE, re.M)
    assert [base for base in bases if base != "$PYTHON"] == ["python:3.13.11-slim-bookworm"]


def test_what_is_needed_to_make_the_image_does_not_stay_in_it() -> None:
    assert len(STAGES) > 1
    assert not re.search(r"\b(pip|apt|apt-get|uv)\b", STAGES[-1])


def test_everything_that_a_run_needs_is_in_the_image_and_no_more_is_given_to_its_making() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+) \S+$", STAGES[-1], re.M))
    given = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M))
    assert copied == {"manage.py", "templates", "static", *rooms}
    assert given == {"requirements.txt", *copied}


def test_nobody_is_root_in_the_image() -> None:
    [*_, user] = re.findall(r"^USER (\S+)$", STAGES[-1], re.M)
    assert user.partition(":")[0] not in ("root", "0")


@pytest.mark.parametrize("service", LASTING.values(), ids=LASTING)
def test_what_lasts_is_watched_restarted_and_given_time_to_end(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"]


@pytest.mark.parametrize("name", sorted({*COMMANDS} - ONCE))
def test_a_process_is_stopped_before_what_it_writes_to(name: str) -> None:
    assert {"kafka", "postgres", "redis"} <= ALL[name]["depends_on"].keys()


def test_the_web_server_is_given_time_for_its_last_answers() -> None:
    assert int(ALL["web"]["stop_grace_period"].removesuffix("s")) > LAST_ANSWERS_S


@pytest.mark.parametrize("name", sorted({*COMMANDS} - ONCE))
def test_a_container_is_watched_under_its_own_name(name: str) -> None:
    assert ALL[name]["healthcheck"]["test"][-1] == name


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_what_is_ours_can_write_nowhere_and_needs_no_rights(service: dict[str, Any]) -> None:
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


@pytest.mark.parametrize("service", ALL.values(), ids=ALL)
def test_nothing_can_gain_rights(service: dict[str, Any]) -> None:
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_page_and_the_mail_can_be_reached_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in ALL.items() if "ports" in service}
    assert ports.keys() == {"web", "mailpit"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_no_secret_is_written_down() -> None:
    assert not re.search(r"(password|secret_key|token)\s*[:=]\s*(?!/secrets/|\$\{\w+:-\}$|-\}$)\S", TEXT, re.I | re.M)
    assert not re.search(r"://[^/\s]*:[^/\s]*@", TEXT)


def test_the_settings_are_known_and_right_together() -> None:
    given = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in ALL["web"]["environment"].items()}
    assert {name.lower() for name in given} <= set(Config.model_fields)
    assert broken_rules(Config(**{name.lower(): value for name, value in given.items() if value})) == []


def test_who_listens_to_everybody_has_a_password_that_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [host] = re.findall(r"^ENV .*\bHOST=(\S+)", DOCKERFILE, re.M)
    monkeypatch.setenv("INSTRUCTOR_PASSWORD", "")
    make_missing(tmp_path)
    assert broken_rules(Config(host=host), WEB_RULES)
    assert not broken_rules(Config(host=host, _secrets_dir=tmp_path), WEB_RULES)


def test_the_secrets_that_are_made_are_settings() -> None:
    assert set(SIZES) <= set(Config.model_fields)


def test_each_service_is_given_a_database() -> None:
    script = (ROOT / "deploy" / "postgres" / "create-ledgers.sh").read_text()
    [listed] = re.findall(r"^for service in (.+); do$", script, re.M)
    assert sorted(listed.split()) == sorted(SERVICES)


def test_kafka_knows_for_long_how_far_a_service_had_come_that_was_stopped() -> None:
    assert int(ALL["kafka"]["environment"]["KAFKA_OFFSETS_RETENTION_MINUTES"]) >= 365 * 24 * 60


def test_kafka_leaves_no_nameless_volume_behind() -> None:
    """These are what its image declares as volumes."""
    mounted = {volume.partition(":")[2] for volume in ALL["kafka"]["volumes"]} | {*ALL["kafka"]["tmpfs"]}
    assert mounted == {"/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"}


def test_nothing_is_lost_when_the_containers_are() -> None:
    kept = {volume.split(":")[0] for service in ALL.values() for volume in service.get("volumes", [])}
    assert set(FILE["volumes"]) <= kept
    assert {ALL[name]["volumes"][0].split(":")[0] for name in ("kafka", "postgres", "mailpit")} <= set(FILE["volumes"])


def _waits_for(name: str) -> set[str]:
    """Return the service, what it waits for, and what that waits for."""
    return {name}.union(*(_waits_for(other) for other in ALL[name].get("depends_on", ())))
