"""The processes of a run."""

import sys

from saga.definitions import COORDINATOR
from saga.topics import partitions_by_topic
from workshop.config import ROOT, Config
from workshop.supervisor.spec import ProcessSpec

# Services that share a process: what they do is light, and each of their workers is still a group of its own.
HOSTED = {"bookings": ("car", "hotel", "flight", "tickets")}
SERVICE_PROCESSES = ("provisioner", "authorizer", "notifier", COORDINATOR, *HOSTED)
MANAGE = (sys.executable, str(ROOT / "manage.py"))
# Five processes that load the same. Elsewhere a copy may inherit what a system's library keeps in threads.
PRELOAD = "workshop.loaded" if sys.platform == "linux" else None


def processes(config: Config) -> list[ProcessSpec]:
    """Return them in the order they are started; none waits for another, each copes with what is not there yet.

    The web server has the most to load, so that on few cores the whole is ready sooner if it begins first.
    """
    broker = [_broker(config)] if config.is_embedded else []
    projector = [] if config.backstage else [ProcessSpec(name="projector", argv=(*MANAGE, "project"))]
    web = ProcessSpec(name="web", argv=(*MANAGE, "serve"))
    return [*broker, web, *projector, *map(_service, SERVICE_PROCESSES)]


def services_of(process: str) -> tuple[str, ...]:
    """Return the services that run in the process of this name."""
    return HOSTED.get(process, (process,))


def _broker(config: Config) -> ProcessSpec:
    topics = [f"{topic}:{count}" for topic, count in partitions_by_topic(config.topic_partitions).items()]
    module = (sys.executable, "-m", "workshop.embedded_broker")
    argv = (*module, "--address-file", str(config.broker_file), *topics)
    return ProcessSpec(name="broker", argv=argv, env={"PYTHONPATH": str(ROOT)}, outlasts_others=True)


def _service(name: str) -> ProcessSpec:
    return ProcessSpec(name=name, argv=(*MANAGE, "consume", name), services=services_of(name), preload=PRELOAD)
