"""A producer can be closed whatever its client is held up by, and says where messages stand, or that it is not sure."""

from typing import Any

import pytest
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaTimeoutError
from kafka.producer.future import FutureProduceResult, FutureRecordMetadata

from saga.errors import BrokerUnavailable
from tests.support.sagas.factories import outgoing, request
from workshop.kafka_bus.names import Names
from workshop.kafka_bus.origin import Origin
from workshop.kafka_bus.producer import BusProducer


class HeldUp:
    """A client whose thread does not end, as one that looks up the name of a broker that is gone."""

    def __init__(self) -> None:
        self.closed = self.forced = 0
        self._sender = self

    def close(self, timeout: float) -> None:
        self.closed += 1
        raise KafkaTimeoutError

    def force_close(self) -> None:
        self.forced += 1


class Repeating:
    """A client whose broker was started again, and knows what it is sent, but not where: it answers with no offset."""

    def send(self, topic: str, *_: Any) -> FutureRecordMetadata:
        batch = FutureProduceResult(KafkaPartition(topic, 0))
        metadata = FutureRecordMetadata(batch, 0, 0, None, 0, 0, 0)
        batch.success((-1, -1, None))
        return metadata

    def flush(self, timeout: float) -> None:
        """All of it is acknowledged."""


def test_a_message_of_which_nobody_knows_where_it_stands_is_to_be_sent_again() -> None:
    producer = BusProducer(Repeating(), Origin(lambda: "127.0.0.1:1"), Names(), acknowledge_s=1)
    with pytest.raises(BrokerUnavailable, match="does not say where"):
        producer.send([outgoing(request())])


def test_a_client_that_does_not_end_is_told_to_give_up_and_left_to_itself() -> None:
    client = HeldUp()
    BusProducer(client, Origin(lambda: "127.0.0.1:1"), Names(), acknowledge_s=1).close()
    assert (client.closed, client.forced) == (2, 1)
