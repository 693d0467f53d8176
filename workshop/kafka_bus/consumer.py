"""Reading: alone, or as a member of a group that shares the partitions of its topics."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    InvalidRequestError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from saga.bus import Record, TopicPartition
from saga.errors import BrokerUnavailable
from workshop.kafka_bus.names import Names
from workshop.kafka_bus.origin import Origin
from workshop.kafka_bus.settings import ANSWER_MS, CALM_AFTER_S, CALM_FETCH_MS, CLOSE_S

JOIN_PATIENCE_MS = 1000
REBALANCING = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    InvalidRequestError,  # the embedded broker says so to a member that is late for a rebalance
)

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Pace:
    """How long a broker may sit on a fetch that finds nothing.

    While messages come, that must be short, for some of them wait as long: on the embedded broker, which never wakes a
    fetch, all of them; on any other those of partitions that this fetch left out. Where none have come for a while,
    asking less often spares most of the cost of waiting.
    """

    def __init__(self, client: KafkaConsumer) -> None:
        self._settings = client._fetcher.config
        self._brisk_ms = self._settings["fetch_max_wait_ms"]
        self._last_heard = time.monotonic()

    def on_poll(self, records: Collection[Record]) -> None:
        now = time.monotonic()
        if records:
            self._last_heard = now
        is_calm = now - self._last_heard > CALM_AFTER_S
        self._settings["fetch_max_wait_ms"] = max(CALM_FETCH_MS, self._brisk_ms) if is_calm else self._brisk_ms


class Reader:
    """Reads partitions that were assigned by hand."""

    def __init__(self, client: KafkaConsumer, origin: Origin, names: Names) -> None:
        self._client = client
        self._origin = origin
        self._names = names
        self._pace = Pace(client)
        self._assigned = names.partitions_here(client.assignment())
        self._paused = False

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        self._pause(limit == 0)
        timeout_ms, most = int(timeout_s * 1000), max(limit, 1)
        batches = self._ask(lambda: self._client.poll(timeout_ms=timeout_ms, max_records=most)) or {}
        records = [_record(message, self._names) for batch in batches.values() for message in batch]
        self._pace.on_poll(records)
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing is committed: there is no group to remember it for."""

    def assigned(self) -> frozenset[TopicPartition]:
        return self._assigned

    def close(self) -> None:
        self._client.close(autocommit=False, timeout_ms=int(CLOSE_S * 1000))

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        """Return the client's answer, none in the middle of a rebalance."""
        self._origin.require()
        try:
            return question()
        except REBALANCING as error:
            log.info("The group is rebalancing, and the next poll joins it again: %s", error)
            return None
        except KafkaError as error:
            raise BrokerUnavailable(f"the broker did not deliver: {error}") from error

    def _pause(self, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            change = self._client.pause if paused else self._client.resume
            change(*self._client.assignment())


class Member(Reader, ConsumerRebalanceListener):
    """Reads what its group assigns to it.

    In a rebalance the library revokes everything, and then goes on reading where it was in what comes back: work in
    hand from there is not delivered again, and must not be given up. Only what went to somebody else has gone, and all
    that was held when the group gave the member up. The library calls the listener's methods on a thread of its own
    while poll() waits, so they only take notes.
    """

    def __init__(
        self,
        client: KafkaConsumer,
        origin: Origin,
        names: Names,
        *,
        on_revoked: Callable[[frozenset[TopicPartition]], None],
    ) -> None:
        super().__init__(client, origin, names)
        self._on_revoked = on_revoked
        self._at_stake: frozenset[TopicPartition] = frozenset()
        self._gone: frozenset[TopicPartition] = frozenset()
        self._owed: dict[TopicPartition, int] = {}
        self._joining = True

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._joining = True
        self._at_stake |= self._names.partitions_here(revoked)
        self._assigned = frozenset()

    def on_partitions_lost(self, lost: Iterable[KafkaPartition]) -> None:
        self._joining = True
        self._gone |= self._at_stake | self._names.partitions_here(lost)
        self._at_stake = self._assigned = frozenset()

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._joining = False
        self._assigned = self._names.partitions_here(assigned)
        self._gone |= self._at_stake - self._assigned
        self._at_stake = frozenset()
        if self._paused:
            self._client.pause(*assigned)

    def poll(self, timeout_s: float, *, limit: int) -> list[Record]:
        records = [] if self._joining else super().poll(timeout_s, limit=limit)
        if self._joining and not records:
            # The library throws away a join that completes between two polls, and starts it again: stay for it. Its
            # own poll would go on to wait for messages, and nobody would know that the partitions are there.
            self._ask(lambda: self._client._coordinator.poll(timeout_ms=JOIN_PATIENCE_MS))
        if self._gone:
            gone, self._gone = self._gone, frozenset()
            self._on_revoked(gone)
            self._owed = {tp: at for tp, at in self._owed.items() if tp not in gone}
        if self._owed and not self._joining:
            self._commit_owed()
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._origin.require()
        self._owed |= {tp: at for tp, at in offsets.items() if tp in self._assigned | self._at_stake}
        self._commit_owed()

    def _commit_owed(self) -> None:
        """Commit what is owed of the partitions that are held.

        What a rebalance refuses stays owed: a partition that stays through it is not delivered again.
        """
        # A broker lets any member commit any partition; one that has gone could be set back below its new owner.
        mine = {tp: at for tp, at in self._owed.items() if tp in self._assigned}
        if not mine:
            return
        try:
            wanted = {self._names.partition_there(tp): OffsetAndMetadata(at, "", -1) for tp, at in mine.items()}
            self._client.commit(wanted, timeout_ms=ANSWER_MS)
        except REBALANCING as error:
            log.info("A commit came too late for its group, and is made after the rebalance: %s", error)
        except KafkaError as error:
            raise BrokerUnavailable(f"the broker did not take the commit: {error}") from error
        else:
            self._owed = {tp: at for tp, at in self._owed.items() if tp not in mine}


def _record(message: ConsumerRecord, names: Names) -> Record:
    return Record(
        topic=names.here(message.topic),
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers),
        written_at=max(0, message.timestamp or 0),
    )
