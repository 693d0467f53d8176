"""Opening a client so that it either works or leaves nothing behind."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from kafka import KafkaConsumer
from kafka.cluster import collect_hosts
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient

from saga.errors import BrokerUnavailable
from workshop.kafka_bus.settings import CONNECT_MS


def knock(address: str) -> None:
    """Raise BrokerUnavailable if nobody listens: the library would try again for seconds before it said so."""
    for host, port, _ in collect_hosts(address):
        with suppress(OSError), socket.create_connection((host, port), timeout=CONNECT_MS / 1000):
            return
    raise BrokerUnavailable(f"nobody listens at {address}")


@contextmanager
def opening(address: str) -> Iterator[Callable[..., KafkaNetClient]]:
    """Give what makes a client's network, and close it if opening fails: the library would leave its thread running."""
    with ExitStack() as unless_it_works:

        def make(**configuration: Any) -> KafkaNetClient:
            network = KafkaNetClient(**configuration)
            unless_it_works.callback(network.close)
            # What a cluster makes by itself has other settings than ours. The library's option does not come this far.
            network.cluster.config["allow_auto_create_topics"] = False
            return network

        try:
            yield make
        except KafkaError as error:
            raise BrokerUnavailable(f"no broker answers at {address}") from error
        unless_it_works.pop_all()


def learn_cluster(client: KafkaConsumer) -> None:
    """Wait until the client knows its brokers: the library's own `bootstrap` has no limit if it was begun already.

    A client that has found nobody asks the same address again and again, where an embedded broker never comes back.
    """
    known = threading.Event()
    found = client._manager.call_soon(client._manager.bootstrap_async, CONNECT_MS)
    found.add_both(lambda _: known.set())
    if not known.wait(CONNECT_MS / 1000) or found.failed():
        raise KafkaTimeoutError("the broker did not say who belongs to its cluster")


def learn_topics(client: KafkaConsumer) -> None:
    """Wait for the description of the topics: a leader that joins before it knows them shares out nothing."""
    known = threading.Event()
    client._cluster.request_update().add_both(lambda _: known.set())
    if not known.wait(CONNECT_MS / 1000):
        raise KafkaTimeoutError("the broker did not describe its topics")
