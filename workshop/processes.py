"""The processes of a run."""

import sys

from saga.topics import SERVICES, partitions_by_topic
from workshop.config import ROOT, Config
from workshop.supervisor.spec import ProcessSpec

MANAGE = (sys.executable, str(ROOT / "manage.py"))


def processes(config: Config) -> list[ProcessSpec]:
    """Return them in the order they are started; none waits for another, each copes with what is not there yet."""
    broker = [_broker(config)] if config.is_embedded else []
    return [*broker, *map(_service, SERVICES), ProcessSpec(name="web", argv=(*MANAGE, "serve"))]


def _broker(config: Config) -> ProcessSpec:
    topics = [f"{topic}:{count}" for topic, count in partitions_by_topic(config.topic_partitions).items()]
    module = (sys.executable, "-m", "workshop.embedded_broker")
    argv = (*module, "--address-file", str(config.broker_file), *topics)
    return ProcessSpec(name="broker", argv=argv, env={"PYTHONPATH": str(ROOT)}, outlasts_others=True)


def _service(name: str) -> ProcessSpec:
    return ProcessSpec(name=name, argv=(*MANAGE, "consume", name))
