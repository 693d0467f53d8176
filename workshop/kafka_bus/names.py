"""What topics and groups are called on a cluster: as everywhere else, after a prefix that tells workshops apart."""

from collections.abc import Iterable
from dataclasses import dataclass

from kafka import TopicPartition as KafkaPartition

from saga.bus import TopicPartition


@dataclass(frozen=True, slots=True)
class Names:
    prefix: str = ""

    def there(self, name: str) -> str:
        """Return what a topic or a group is called on the cluster."""
        return self.prefix + name

    def here(self, name: str) -> str:
        """Return what a topic of the cluster is called here."""
        return name.removeprefix(self.prefix)

    def partition_there(self, partition: TopicPartition) -> KafkaPartition:
        return KafkaPartition(self.there(partition.topic), partition.partition)

    def partition_here(self, partition: KafkaPartition) -> TopicPartition:
        return TopicPartition(self.here(partition.topic), partition.partition)

    def partitions_here(self, partitions: Iterable[KafkaPartition]) -> frozenset[TopicPartition]:
        return frozenset(map(self.partition_here, partitions))
