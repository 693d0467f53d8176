"""The Kubernetes manifests are such as Kubernetes takes, and run what the workshop is made of."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from dashboard.backstage.projector import GROUP as PROJECTOR
from saga.topics import SERVICES
from workshop.checks import RULES, WEB_RULES, broken_rules
from workshop.config import Config
from workshop.processes import SERVICE_PROCESSES, services_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
SCHEMA = json.loads((ROOT / "tests" / "kubernetes" / "schema.json").read_text())
NOT_OURS = ("kustomization.yaml", "autoscaling.yaml")  # of kinds that a bare cluster does not know
ARGS = {
    "web": ["serve"],
    "projector": ["project"],
    **{name: ["consume", name] for name in SERVICE_PROCESSES},
}
Manifest = dict[str, Any]


def read(name: str) -> list[Manifest]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


FILES = {path.name: read(path.name) for path in sorted(FOLDER.glob("*.yaml"))}
ALL = [manifest for name, manifests in FILES.items() if name not in NOT_OURS for manifest in manifests]
[KUSTOMIZATION] = FILES["kustomization.yaml"]


def of_kind(kind: str) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in ALL if manifest["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")
PODS = {name: one["spec"]["template"]["spec"] for name, one in (DEPLOYMENTS | of_kind("Job")).items()}
CONTAINERS = {name: pod["containers"][0] for name, pod in PODS.items()}
SETTINGS: dict[str, str] = of_kind("ConfigMap")["settings"]["data"]
SCALED = {one["metadata"]["name"]: one["spec"] for one in FILES["autoscaling.yaml"]}


def check(manifest: Manifest) -> None:
    """Raise ValidationError unless Kubernetes would take it."""
    kind = f"{manifest['apiVersion']} {manifest['kind']}"
    # Not jsonschema.validate(), which would check the schema itself each time: for a second.
    Draft202012Validator({**SCHEMA["kinds"][kind], "$defs": SCHEMA["$defs"]}).validate(manifest)


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("manifest", ALL, ids=named)
def test_every_manifest_is_as_kubernetes_wants_it(manifest: Manifest) -> None:
    check(manifest)


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        pytest.param(["spec"], "replica", 2, id="a misspelt field"),
        pytest.param(["spec", "template", "spec", "containers", 0], "readynessProbe", {}, id="one further down"),
        pytest.param(["spec"], "replicas", "two", id="a word for a number"),
        pytest.param(["spec", "template", "spec", "containers", 0, "readinessProbe"], "exec", ["true"], id="no object"),
    ],
)
def test_a_mistake_in_a_manifest_is_found(place: list[Any], name: str, value: object) -> None:
    manifest = deepcopy(DEPLOYMENTS["notifier"])
    part = manifest
    for step in place:
        part = part[step]
    part[name] = value
    with pytest.raises(ValidationError):
        check(manifest)


def test_every_file_is_applied_or_can_be() -> None:
    text = (FOLDER / "kustomization.yaml").read_text()
    listed = set(re.findall(r"^  (?:# )?- (\S+\.yaml)", text, re.M))
    assert listed == set(FILES) - {"kustomization.yaml", "secret.example.yaml"}


def test_every_process_has_a_deployment() -> None:
    assert {name: CONTAINERS[name]["args"] for name in DEPLOYMENTS} == ARGS


def test_the_tables_are_made_by_a_job() -> None:
    assert CONTAINERS["migrate"]["args"] == ["migrate_all"]


def test_the_workers_differ_in_nothing_but_their_name() -> None:
    texts = {(FOLDER / f"{name}.yaml").read_text().replace(name, "NAME") for name in SERVICE_PROCESSES}
    assert len(texts) == 1


def test_all_run_the_image_that_compose_builds_and_kustomize_renames() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["x-workshop"]["image"]
    assert {container["image"] for container in CONTAINERS.values()} == {compose}
    assert [f"{image['name']}:{image['newTag']}" for image in KUSTOMIZATION["images"]] == [compose]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_can_write_nowhere_and_gain_nothing(name: str) -> None:
    assert CONTAINERS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    pod = PODS[name]["securityContext"]
    assert (pod["runAsNonRoot"], pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert PODS[name]["automountServiceAccountToken"] is False


def test_they_run_as_the_user_of_the_image() -> None:
    [uid] = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert {pod["securityContext"]["runAsUser"] for pod in PODS.values()} == {int(uid)}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_says_what_it_needs_and_is_held_to_its_memory(name: str) -> None:
    resources = CONTAINERS[name]["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


@pytest.mark.parametrize("name", PODS)
def test_the_cluster_adds_no_variables_that_could_be_settings(name: str) -> None:
    assert PODS[name]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_what_lasts_is_watched_and_given_time_to_end(name: str) -> None:
    assert CONTAINERS[name]["readinessProbe"]
    assert CONTAINERS[name]["livenessProbe"]
    assert PODS[name]["terminationGracePeriodSeconds"] >= 15


@pytest.mark.parametrize("name", sorted(set(DEPLOYMENTS) - {"web"}))
def test_a_worker_is_asked_under_its_own_name_and_not_restarted_because_kafka_is_away(name: str) -> None:
    ready, alive = CONTAINERS[name]["readinessProbe"], CONTAINERS[name]["livenessProbe"]
    assert ready["exec"] == alive["exec"] == {"command": ["python", "-m", "workshop.alive", name]}
    assert alive["periodSeconds"] * alive["failureThreshold"] >= 600


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_page_stays_while_what_it_depends_on_is_sick(probe: str) -> None:
    assert CONTAINERS["web"][probe]["httpGet"]["path"] == "/healthz"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_there_are_two_of_each_and_one_goes_at_a_time(name: str) -> None:
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    assert DEPLOYMENTS[name]["spec"]["replicas"] == 2
    assert (budget["maxUnavailable"], budget["selector"]) == (1, DEPLOYMENTS[name]["spec"]["selector"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_finds_its_own_pods_and_nobody_elses(name: str) -> None:
    spec = DEPLOYMENTS[name]["spec"]
    labels = {"app.kubernetes.io/name": "saga-workshop", "app.kubernetes.io/component": name}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels
    [spread] = PODS[name]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels


def test_the_service_leads_to_the_page() -> None:
    service = of_kind("Service")["web"]["spec"]
    assert service["selector"] == DEPLOYMENTS["web"]["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] in {port["name"] for port in CONTAINERS["web"]["ports"]}


def test_the_settings_are_known_and_right_together() -> None:
    secret = dict.fromkeys(of_kind("Secret")["secrets"]["stringData"], "x" * 20)
    given = {name.lower(): value for name, value in SETTINGS.items() if name != "SECRETS_DIR"}
    assert given.keys() | secret.keys() <= Config.model_fields.keys()
    assert broken_rules(Config(**given, **secret, host="0.0.0.0"), (*RULES, *WEB_RULES)) == []


def test_the_secrets_are_found_where_the_settings_say() -> None:
    mounts = [{mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]} for one in CONTAINERS.values()]
    assert {mount["secrets"] for mount in mounts} == {SETTINGS["SECRETS_DIR"]}


def test_no_secret_is_written_down() -> None:
    assert set(of_kind("Secret")["secrets"]["stringData"].values()) == {""}
    assert not [value for value in SETTINGS.values() if re.search(r"://[^/\s]*:[^/\s]*@", value)]
    assert not [name for name in SETTINGS if re.search(r"PASSWORD|SECRET_KEY", name)]


def test_pods_may_reach_the_ports_that_the_settings_name() -> None:
    policies = of_kind("NetworkPolicy")
    opened = {port["port"] for rule in policies["all"]["spec"]["egress"] for port in rule["ports"]}
    needed = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "LEDGER_DATABASE_URL", "REDIS_URL")
    assert {int(port) for name in needed for port in re.findall(r":(\d+)", SETTINGS[name])} <= opened
    mail = {port["port"] for rule in policies["mail"]["spec"]["egress"] for port in rule["ports"]}
    assert int(SETTINGS["EMAIL_PORT"]) in mail


def test_only_the_page_can_be_reached() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["all"]["spec"]["podSelector"] == {}
    assert [name for name, policy in policies.items() if "ingress" in policy["spec"]] == ["page"]


def test_each_consumer_group_scales_the_deployment_that_it_belongs_to() -> None:
    groups = {name: [one["metadata"]["consumerGroup"] for one in spec["triggers"]] for name, spec in SCALED.items()}
    expected = {name: list(services_of(name)) for name in SERVICE_PROCESSES} | {PROJECTOR: [PROJECTOR]}
    assert groups == expected
    assert {group for some in groups.values() for group in some} == {*SERVICES, PROJECTOR}


@pytest.mark.parametrize("name", SCALED)
def test_no_more_replicas_are_added_than_there_are_partitions(name: str) -> None:
    spec = SCALED[name]
    assert spec["scaleTargetRef"]["name"] == name
    assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"] <= Config().topic_partitions


@pytest.mark.parametrize("name", SCALED)
def test_what_a_worker_has_in_hand_does_not_count_as_waiting(name: str) -> None:
    for trigger in SCALED[name]["triggers"]:
        assert int(trigger["metadata"]["lagThreshold"]) >= Config().work_limit
        assert trigger["metadata"]["bootstrapServers"] == SETTINGS["KAFKA_BOOTSTRAP_SERVERS"]
