"""How each long-running part gets its link to the broker."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from saga.topics import partitions_by_topic
from workshop.config import Config
from workshop.kafka_bus import KafkaBus, address_in
from workshop.loop import Loop, P


def open_bus(config: Config, name: str) -> KafkaBus:
    """Return a bus to the configured cluster, or to the embedded broker. It connects when it is used."""
    client_id = f"{name}-{socket.gethostname()}-{os.getpid()}"
    if config.is_embedded:
        return KafkaBus(address_in(config.broker_file), embedded=True, client_id=client_id)
    servers, prefix, security = config.kafka_bootstrap_servers, config.kafka_prefix, config.kafka_security
    return KafkaBus(lambda: servers, embedded=False, client_id=client_id, prefix=prefix, security=security)


def with_bus(config: Config, name: str, open_part: Callable[[KafkaBus], P], **of_loop: Any) -> Loop[P]:
    """Return a loop with a bus of its own: it waits for the broker, makes missing topics, then opens the part.

    `of_loop` goes to the loop: `may_run`, `after_cycle`, `rest_s`. The bus is closed when it ends.
    """
    bus = open_bus(config, name)
    topics = partitions_by_topic(config.topic_partitions)

    def open_when_up(stop: threading.Event) -> P | None:
        return open_part(bus) if bus.wait_until_up(stop, topics) else None

    return Loop(name, open_when_up, is_stale=bus.is_stale, at_end=bus.close, **of_loop)
