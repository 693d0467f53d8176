"""One cluster, as seen by one process: opens clients, asks the cluster for offsets, creates the topics."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient

from saga.bus import TopicPartition
from saga.errors import BrokerUnavailable
from workshop.kafka_bus import settings
from workshop.kafka_bus.consumer import Member, Reader
from workshop.kafka_bus.header_names import read_any
from workshop.kafka_bus.names import Names
from workshop.kafka_bus.opening import knock, learn_cluster, learn_topics, opening
from workshop.kafka_bus.origin import Origin
from workshop.kafka_bus.producer import BusProducer

LOOK_S = 0.1
"""How often to look whether an embedded broker is there: that is to read a file."""
RETRY_S = (0.1, 0.1, 0.2, 0.5, 1.0)
"""After how long a cluster is asked again; the last is repeated."""
SAY_AFTER_S = 3.0
"""A broker that starts together with everything else is no news before."""
COUNTED_FOR_S = 10.0
"""How long a topic is taken to have the partitions that it had; somebody may give it more."""
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class KafkaBus:
    """Implements `saga.bus.Bus`.

    `read_address` gives host:port, or several with commas. It is called whenever a client is opened, because an
    embedded broker that is started again has another. `prefix` stands before all names there, and nowhere else.
    `security` are settings of the library: `security_protocol`, ...
    """

    def __init__(
        self,
        read_address: Callable[[], str],
        *,
        embedded: bool,
        client_id: str,
        prefix: str = "",
        security: Mapping[str, Any] | None = None,
        acknowledge_s: float = 10.0,
    ) -> None:
        self._read_address = read_address
        self._embedded = embedded
        self._names = Names(prefix)
        self._client = {"client_id": client_id, **settings.CLIENT, **(security or {})} | (
            settings.EMBEDDED if embedded else {}
        )
        self._member = settings.CONSUMER | (settings.EMBEDDED_CONSUMER if embedded else settings.CLUSTER_CONSUMER)
        self._reader = settings.CONSUMER | (settings.EMBEDDED_CONSUMER if embedded else {})
        self._news = self._reader | settings.NEWS | (settings.EMBEDDED_NEWS if embedded else {})
        self._acknowledge_s = acknowledge_s
        self._origin: Origin | None = None
        self._admin_lock = threading.Lock()
        self._admin: tuple[KafkaAdminClient, Origin] | None = None
        self._partition_counts: dict[str, int] = {}
        self._counted_at = 0.0

    def producer(self) -> BusProducer:
        origin = self._connect()
        limit_ms = int(self._acknowledge_s * 1000)
        with opening(origin.address) as network:
            client = KafkaProducer(
                bootstrap_servers=origin.address,
                kafka_client=network,
                delivery_timeout_ms=limit_ms,
                max_block_ms=limit_ms,
                request_timeout_ms=limit_ms // 2,
                **settings.PRODUCER,
                **self._client,
            )
        return BusProducer(client, origin, self._names, acknowledge_s=self._acknowledge_s)

    def consumer(
        self, group: str, topics: Iterable[str], *, on_revoked: Callable[[frozenset[TopicPartition]], None]
    ) -> Member:
        origin = self._connect()
        with opening(origin.address) as network:
            client = self._open_consumer(origin, network, group_id=self._names.there(group), **self._member)
            member = Member(client, origin, self._names, on_revoked=on_revoked)
            client.subscribe(list(map(self._names.there, topics)), listener=member)
            learn_topics(client)
        return member

    def reader(self, topic: str, *, from_end: bool = False) -> Reader:
        partitions = self._partitions([topic])
        starts = self.end_offsets([topic]) if from_end else {}
        origin = self._connect()
        options = self._news if from_end else self._reader
        with opening(origin.address) as network:
            client = self._open_consumer(origin, network, group_id=None, **options)
            client.assign(partitions)
            for partition, offset in starts.items():
                client.seek(self._names.partition_there(partition), offset)
        return Reader(client, origin, self._names)

    def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        wanted = dict.fromkeys(self._partitions(topics), OffsetSpec.LATEST)
        answer = self._ask(lambda admin: admin.list_partition_offsets(wanted))
        return {self._names.partition_here(partition): found.offset for partition, found in answer.items()}

    def committed_offsets(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        wanted = self._partitions(topics)
        group_there = self._names.there(group)
        answer = self._ask(lambda admin: admin.list_group_offsets({group_there: wanted}))[group_there]
        return {self._names.partition_here(partition): max(found.offset, 0) for partition, found in answer.items()}

    def address(self) -> str:
        return self._read_address()

    def is_stale(self) -> bool:
        """Has the cluster left the address where the newest client went? Older clients find out for themselves."""
        return self._origin is not None and self._origin.has_moved()

    def wait_until_up(self, stop: threading.Event, topics: Mapping[str, int]) -> bool:
        """Wait until the cluster answers and has these topics, which a real one is given; False when told to stop."""
        delays = repeat(LOOK_S) if self._embedded else chain(RETRY_S, repeat(RETRY_S[-1]))
        say_at, was_said = time.monotonic() + SAY_AFTER_S, False
        while not stop.is_set():
            try:
                self._ask(lambda admin: self._create_missing(admin, topics))
            except BrokerUnavailable as error:
                if not was_said and time.monotonic() >= say_at:
                    log.warning("Waiting for the broker: %s.", error)
                    was_said = True
                stop.wait(next(delays))
            else:
                if was_said:
                    log.info("The broker is there.")
                return True
        return False

    def close(self) -> None:
        with self._admin_lock:
            self._close_admin()

    def _connect(self) -> Origin:
        self._origin = Origin(self._read_address)
        knock(self._origin.address)
        return self._origin

    def _open_consumer(self, origin: Origin, network: Callable[..., KafkaNetClient], **options: Any) -> KafkaConsumer:
        read_any()
        client = KafkaConsumer(bootstrap_servers=origin.address, kafka_client=network, **options, **self._client)
        learn_cluster(client)
        return client

    def _partitions(self, topics: Iterable[str]) -> list[KafkaPartition]:
        names, now = list(map(self._names.there, topics)), time.monotonic()
        if now >= self._counted_at + COUNTED_FOR_S:
            self._partition_counts.clear()
            self._counted_at = now
        if not all(map(self._partition_counts.get, names)):
            # For all of them: to ask can mean to connect anew, and that forgets what was known.
            found = self._ask(lambda admin: admin.describe_topics(names))
            self._partition_counts.update((topic["name"], len(topic["partitions"])) for topic in found)
        return [KafkaPartition(name, number) for name in names for number in range(self._partition_counts[name])]

    def _ask(self, question: Callable[[KafkaAdminClient], Answer]) -> Answer:
        with self._admin_lock:
            try:
                return question(self._open_admin())
            except KafkaError as error:
                raise BrokerUnavailable(f"the broker does not answer: {error}") from error

    def _open_admin(self) -> KafkaAdminClient:
        if self._admin and self._admin[1].has_moved():
            self._close_admin()
        if not self._admin:
            origin = self._connect()
            with opening(origin.address) as network:
                client = KafkaAdminClient(
                    bootstrap_servers=origin.address,
                    kafka_client=network,
                    request_timeout_ms=settings.ANSWER_MS,
                    **self._client,
                )
            self._admin = client, origin
        return self._admin[0]

    def _close_admin(self) -> None:
        if self._admin:
            self._admin[0].close()
        self._admin = None
        self._partition_counts.clear()

    def _create_missing(self, admin: KafkaAdminClient, topics: Mapping[str, int]) -> None:
        present = set(admin.list_topics())
        wanted = {self._names.there(name): _description(name, count) for name, count in topics.items()}
        missing = {name: description for name, description in wanted.items() if name not in present}
        if self._embedded or not missing:
            return
        with suppress(TopicAlreadyExistsError):  # every process tries, and one is the first
            admin.create_topics(missing)
        admin.wait_for_topics(list(missing))


def _description(topic: str, partitions: int) -> dict[str, Any]:
    configs = settings.TOPIC_CONFIGS | settings.CONFIGS_BY_TOPIC.get(topic, {})
    return {"num_partitions": partitions, "replication_factor": -1, "configs": configs}
