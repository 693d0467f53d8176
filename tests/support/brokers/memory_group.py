"""How a group of the broker in memory deals out partitions: each to one member, in turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from saga.bus import TopicPartition


class Member(Protocol):
    """Wants partitions of some topics, and knows which dealing it has heard of."""

    topics: frozenset[str]
    generation: int


@dataclass
class Group:
    members: list[Member] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    generation: int = 0

    def join(self, member: Member) -> None:
        self.members.append(member)
        self.generation += 1

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)
            self.generation += 1

    def share_of(self, member: Member, partitions: Sequence[TopicPartition]) -> frozenset[TopicPartition]:
        """Deal out the partitions of each topic in turn to the members that want it."""
        takers = {
            topic: [other for other in self.members if topic in other.topics]
            for topic in {tp.topic for tp in partitions}
        }
        return frozenset(tp for tp in partitions if takers[tp.topic][tp.partition % len(takers[tp.topic])] is member)
