"""A member of a group through its rebalances, as the client library tells of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition as KafkaPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    InvalidRequestError,
    KafkaConnectionError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from saga.bus import TopicPartition
from saga.errors import BrokerUnavailable
from workshop.kafka_bus import consumer, origin
from workshop.kafka_bus.consumer import Member
from workshop.kafka_bus.names import Names
from workshop.kafka_bus.origin import Origin

BRISK_MS = 50
MESSAGE = SimpleNamespace(topic="topic", partition=0, offset=7, key=b"", value=b"", headers=(), timestamp=-1)
ONE, OTHER = KafkaPartition("topic", 0), KafkaPartition("topic", 1)


class Client:
    """Reads what is there, and remembers what was committed, unless its group is rebalancing."""

    def __init__(self) -> None:
        self.there: dict[KafkaPartition, list[Any]] = {}
        self._fetcher = SimpleNamespace(config={"fetch_max_wait_ms": BRISK_MS})
        self.committed: dict[int, int] = {}
        self.is_rebalancing = False
        self.refusal: type[KafkaError] = RebalanceInProgressError
        self.paused: list[KafkaPartition] = []
        self._coordinator = SimpleNamespace(poll=self._join)
        self.join: Callable[[], None] = lambda: None

    def _join(self, *, timeout_ms: int) -> bool:
        self.join()
        return True

    def assignment(self) -> set[KafkaPartition]:
        return set()

    def poll(self, **options: Any) -> dict[Any, Any]:
        return self.there

    def pause(self, *partitions: KafkaPartition) -> None:
        self.paused.extend(partitions)

    def fetch_wait_ms(self) -> int:
        return self._fetcher.config["fetch_max_wait_ms"]

    def commit(self, offsets: dict[KafkaPartition, Any], *, timeout_ms: int) -> None:
        if self.is_rebalancing:
            raise self.refusal
        self.committed |= {partition.partition: at.offset for partition, at in offsets.items()}


class Group:
    """A member, what it was told has gone, and a hand in its rebalances."""

    def __init__(self) -> None:
        self.client = Client()
        self.gone: list[frozenset[TopicPartition]] = []
        self.address = "here"
        there = Origin(lambda: self.address)
        self.member = Member(self.client, there, Names(), on_revoked=self.gone.append)  # type: ignore[arg-type]
        self.deal(ONE, OTHER)

    def begin(self) -> None:
        self.client.is_rebalancing = True
        self.member.on_partitions_revoked(set(self.held))

    def deal(self, *partitions: KafkaPartition) -> None:
        self.held = partitions
        self.client.is_rebalancing = False
        self.member.on_partitions_assigned(set(partitions))

    def rebalance(self, *partitions: KafkaPartition) -> None:
        self.begin()
        self.deal(*partitions)
        self.member.poll(0.0, limit=1)

    def commit(self, partition: KafkaPartition, at: int) -> None:
        self.member.commit({TopicPartition(*partition): at})


@pytest.fixture
def group() -> Group:
    return Group()


def test_as_soon_as_it_has_joined_it_is_known_what_it_was_dealt(group: Group) -> None:
    """Its client's own poll would go on to wait for messages."""
    group.begin()
    group.client.join = lambda: group.deal(ONE)
    group.client.there = {ONE: [MESSAGE]}
    assert group.member.poll(3600.0, limit=1) == []
    assert group.member.assigned() == {TopicPartition(*ONE)}
    assert len(group.member.poll(0.0, limit=1)) == 1


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        pytest.param(RebalanceInProgressError(), nullcontext(), id="it is joined in the next poll"),
        pytest.param(KafkaConnectionError(), pytest.raises(BrokerUnavailable), id="the broker has gone"),
    ],
)
def test_trouble_while_joining_is_told_like_any_other(
    group: Group, trouble: KafkaError, raised: AbstractContextManager[Any]
) -> None:
    def fail() -> None:
        raise trouble

    group.begin()
    group.client.join = fail
    with raised:
        assert group.member.poll(0.0, limit=1) == []


def test_what_stays_has_not_gone(group: Group) -> None:
    group.rebalance(ONE, OTHER)
    assert group.gone == []


def test_what_goes_to_somebody_else_has_gone(group: Group) -> None:
    group.rebalance(ONE)
    assert group.gone == [frozenset({TopicPartition(*OTHER)})]


def test_everything_has_gone_that_was_held_when_the_group_gave_the_member_up(group: Group) -> None:
    group.begin()
    group.member.on_partitions_lost({ONE, OTHER})
    group.deal(ONE, OTHER)
    group.member.poll(0.0, limit=1)
    assert group.gone == [frozenset({TopicPartition(*ONE), TopicPartition(*OTHER)})]


def test_what_was_at_stake_has_gone_when_the_group_gives_up_a_member_that_holds_nothing_any_more(group: Group) -> None:
    group.begin()
    group.member.on_partitions_lost(set())
    group.deal(ONE, OTHER)
    group.member.poll(0.0, limit=1)
    assert group.gone == [frozenset({TopicPartition(*ONE), TopicPartition(*OTHER)})]


def test_what_was_at_stake_stays_so_though_more_is_revoked_before_anything_is_dealt(group: Group) -> None:
    group.begin()
    group.member.on_partitions_revoked(set())
    group.deal(ONE)
    group.member.poll(0.0, limit=1)
    assert group.gone == [frozenset({TopicPartition(*OTHER)})]


def test_in_the_middle_of_a_rebalance_a_member_holds_nothing(group: Group) -> None:
    group.begin()
    assert group.member.assigned() == frozenset()


def test_what_is_dealt_to_a_member_that_takes_on_nothing_more_is_not_read(group: Group) -> None:
    group.member.poll(0.0, limit=0)
    group.begin()
    group.deal(ONE)
    assert group.client.paused == [ONE]


def test_a_commit_in_the_middle_of_a_rebalance_is_made_after_it_for_what_stays(group: Group) -> None:
    group.begin()
    group.commit(ONE, 7)
    group.commit(OTHER, 8)
    group.deal(ONE)
    group.member.poll(0.0, limit=1)
    assert group.client.committed == {0: 7}


def test_what_is_owed_for_a_partition_that_went_is_not_committed_with_what_stays(group: Group) -> None:
    """Its new owner may be further already, and would be set back."""
    group.begin()
    group.commit(OTHER, 8)
    group.deal(ONE)
    group.commit(ONE, 7)
    assert group.client.committed == {0: 7}


@pytest.mark.parametrize(
    "refusal",
    [CommitFailedError, IllegalGenerationError, InvalidRequestError, RebalanceInProgressError, UnknownMemberIdError],
    ids=lambda one: one.__name__,
)
def test_a_commit_that_the_broker_refuses_as_too_late_is_made_after_the_rebalance(
    group: Group, refusal: type[KafkaError]
) -> None:
    group.client.refusal = refusal
    group.client.is_rebalancing = True  # which the member has not been told yet
    group.commit(ONE, 7)
    group.rebalance(ONE)
    assert group.client.committed == {0: 7}


def test_what_was_owed_for_a_partition_that_went_is_not_committed_when_it_comes_back(group: Group) -> None:
    group.begin()
    group.commit(OTHER, 8)
    group.deal(ONE)
    group.member.poll(0.0, limit=1)
    group.rebalance(ONE, OTHER)
    assert group.client.committed == {}


def test_what_has_gone_is_not_committed(group: Group) -> None:
    group.rebalance(ONE)
    group.commit(OTHER, 8)
    assert group.client.committed == {}


def test_nothing_is_committed_to_a_broker_that_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has forgotten everything, and would pass over as many new messages."""
    monkeypatch.setattr(origin, "CHECK_S", 0.0)
    group = Group()
    group.address = "elsewhere"
    with pytest.raises(BrokerUnavailable):
        group.commit(ONE, 7)
    assert group.client.committed == {}


def test_a_broker_is_asked_less_often_where_no_message_has_come_for_a_while(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "CALM_AFTER_S", 0.0)
    group.member.poll(0.0, limit=1)
    assert group.client.fetch_wait_ms() == consumer.CALM_FETCH_MS
    group.client.there = {ONE: [MESSAGE]}
    group.member.poll(0.0, limit=1)
    assert group.client.fetch_wait_ms() == BRISK_MS


def test_while_messages_come_now_and_then_the_broker_is_asked_briskly(group: Group) -> None:
    group.member.poll(0.0, limit=1)
    assert group.client.fetch_wait_ms() == BRISK_MS
