"""What the client library is told, and why; each broker's quirks have a place of their own."""

import time
import zlib
from typing import Any

from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.partitioner.abc import Partitioner

MAX_MESSAGE_BYTES = 1_000_000
"""Just under what a Kafka broker takes by default."""
_HOUR_MS = "3600000"
TOPIC_CONFIGS: dict[str, str] = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",  # a cluster would refuse what comes from a host an hour ahead of it
    "compression.type": "producer",  # whatever a cluster prefers, what is written can be read
}
CONFIGS_BY_TOPIC: dict[str, dict[str, str]] = {
    "control": {"cleanup.policy": "compact"},  # only the newest message of a key matters
    "heartbeat": {"retention.ms": _HOUR_MS, "segment.ms": _HOUR_MS},  # read as it comes, and never again
}
"""How a cluster keeps the topics that are made for the project: all of them as above, these otherwise."""
CONNECT_MS = 5000
ANSWER_MS = 5000
CLOSE_S = 1.5
CALM_FETCH_MS = 500
CALM_AFTER_S = 2.0
"""After so long without a message, a fetch may wait longer. See `workshop.kafka_bus.consumer.Pace`."""


class PatientRange(RangePartitionAssignor):
    """The embedded broker calls a group complete when its leader has answered, and then refuses the slower members.

    So the leader, which alone runs this, gives the others a moment to be there first.
    """

    def assign(self, *arguments: Any, **options: Any) -> Any:
        time.sleep(0.09)
        return super().assign(*arguments, **options)


class KeyPartitioner(Partitioner):
    """CRC-32 of the key, as librdkafka does it: the library's own hash, in Python, is most of the cost of a send."""

    def partition(self, topic: str, key: bytes, *rest: Any) -> int:
        cluster = rest[-1]
        return zlib.crc32(key) % len(cluster.partitions_for_topic(topic))


CLIENT: dict[str, Any] = {
    "bootstrap_timeout_ms": CONNECT_MS,
    "reconnect_backoff_max_ms": 1000,
    "metadata_max_age_ms": 10_000,  # heals a member that joined before its topics were known
}
CONSUMER: dict[str, Any] = {
    "retry_backoff_ms": 20,  # a poll that finds its answer half-read sleeps this long before it looks again
    "auto_offset_reset": "earliest",  # anything else skips silently what the broker dropped before it was read
    "enable_auto_commit": False,
    "metrics_enabled": False,
}
PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "compression_type": "lz4",  # the embedded broker keeps 5 MiB a partition; this makes it far more
    "linger_ms": 20,  # never waited for, since send() flushes: it only keeps the first message from leaving alone
    "batch_size": 128 * 1024,
    "partitioner": KeyPartitioner(),
    "metrics_enabled": False,
}

# Not the cooperative assignor. Measured while a third member joins two that are at work: with this one the group stands
# still for 0.2 to 0.9 s, and a partition that moves for 0.7 to 1.6 s; with that one, which rebalances twice, for 0.8 to
# 1.1 s and 1.2 to 2.8 s. It has less delivered again (at most 7 messages of 24 in hand, here 16), which the ledgers
# absorb. What stays where it was goes on with either. And here equal numbers stay together: a step and its undoing.
CLUSTER_CONSUMER: dict[str, Any] = {
    # The library asks a broker one thing at a time. A fetch leaves out the partitions of which something is still to be
    # handed out; while it waits for the others, what comes for these waits too. At 500 ms, the default, that was seen
    # every few seconds under load, and it made the slowest hundredth of all news on the page twice as old.
    "fetch_max_wait_ms": 50,
    # The least that a cluster allows by default. A cluster that was away still counts the members it had, and lets
    # nobody work until they have been silent for so long: half of what everybody waits after an outage.
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 1000,
    "partition_assignment_strategy": (RangePartitionAssignor,),
}
# To a version that it does not know, the embedded broker answers with a frame that the library cannot read.
EMBEDDED: dict[str, Any] = {"api_version": (2, 3)}
# It never wakes a waiting fetch, so the wait is the latency; and its rebalances last a second less than a session.
EMBEDDED_CONSUMER: dict[str, Any] = {
    "fetch_max_wait_ms": 50,
    "session_timeout_ms": 2000,
    "heartbeat_interval_ms": 500,
    "partition_assignment_strategy": (PatientRange(),),
}
# From a place that was dropped meanwhile, whoever wants news goes on at the end as well.
NEWS: dict[str, Any] = {"auto_offset_reset": "latest"}
# That is heartbeats: they come without end and nobody waits for one, so twice a second is enough.
EMBEDDED_NEWS: dict[str, Any] = {"fetch_max_wait_ms": 500}
