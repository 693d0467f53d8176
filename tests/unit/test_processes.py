"""Which processes a run has, by the settings."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from saga.topics import SERVICES
from workshop.channel_layer import channel_layers
from workshop.config import Config
from workshop.processes import SERVICE_PROCESSES, processes, services_of

REDIS = "redis://127.0.0.1:6379/0"


def names(**settings: object) -> list[str]:
    return [spec.name for spec in processes(Config(**settings))]


def test_the_embedded_run_has_a_broker_and_one_web_process_for_everything_else() -> None:
    assert names() == ["broker", "web", *SERVICE_PROCESSES]


def test_what_the_others_need_until_they_have_ended_is_the_broker() -> None:
    assert [spec.name for spec in processes(Config()) if spec.outlasts_others] == ["broker"]


def test_every_service_runs_in_one_process() -> None:
    assert sorted(service for name in SERVICE_PROCESSES for service in services_of(name)) == sorted(SERVICES)


def test_a_cluster_takes_the_place_of_the_broker() -> None:
    assert "broker" not in names(kafka_bootstrap_servers="kafka:9092")


def test_the_projector_is_a_process_when_the_web_server_leaves_its_work_to_it() -> None:
    assert names(backstage=False, redis_url=REDIS) == ["broker", "web", "projector", *SERVICE_PROCESSES]


def test_nobody_projects_beside_a_web_server_that_does() -> None:
    with pytest.raises(CommandError, match="BACKSTAGE=false"):
        call_command("project")


@pytest.mark.parametrize(
    ("settings", "backend"),
    [
        pytest.param({}, "channels.layers.InMemoryChannelLayer", id="one process"),
        pytest.param({"redis_url": REDIS}, "channels_redis.pubsub.RedisPubSubChannelLayer", id="several processes"),
    ],
)
def test_processes_tell_each_other_over_redis_where_there_is_one(settings: dict[str, str], backend: str) -> None:
    assert channel_layers(Config(**settings))["default"]["BACKEND"] == backend
