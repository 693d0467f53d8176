"""A producer can be closed whatever its client is held up by."""

from kafka.errors import KafkaTimeoutError

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


def test_a_client_that_does_not_end_is_told_to_give_up_and_left_to_itself() -> None:
    client = HeldUp()
    BusProducer(client, Origin(lambda: "127.0.0.1:1"), Names(), acknowledge_s=1).close()
    assert (client.closed, client.forced) == (2, 1)
