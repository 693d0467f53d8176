"""Sending to any broker, and reading from it alone or in a group."""

import time
from collections.abc import Callable
from contextlib import closing

from saga.bus import Consumer, Outgoing, Place, Record, TopicPartition
from tests.eventually import eventually
from tests.support.brokers.kinds import Broker

DEADLINE_S = 30.0
Revoked = Callable[[frozenset[TopicPartition]], None]


def messages(topic: str, count: int) -> list[Outgoing]:
    return [Outgoing(topic=topic, key=b"key %d" % n, value=b"value %d" % n) for n in range(count)]


def send(broker: Broker, outgoing: list[Outgoing]) -> list[Place]:
    with closing(broker.bus.producer()) as producer:
        return producer.send(outgoing)


def member(broker: Broker, topic: str, group: str = "group", on_revoked: Revoked = lambda _: None) -> Consumer:
    return broker.bus.consumer(broker.group(group), [topic], on_revoked=on_revoked)


def read(consumer: Consumer, count: int) -> list[Record]:
    """Poll until `count` records are there; more than that is the caller's to find out."""
    records: list[Record] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(records) < count and time.monotonic() < deadline:
        records += consumer.poll(1.0, limit=1000)
    return records


def join(consumer: Consumer) -> None:
    """Poll until the group has given partitions, without reading from them."""
    eventually(lambda: consumer.poll(0.1, limit=0) or consumer.assigned())


def next_offsets(records: list[Record]) -> dict[TopicPartition, int]:
    return {TopicPartition(r.topic, r.partition): r.offset + 1 for r in sorted(records, key=lambda r: r.offset)}
