"""Writing: everything handed over is acknowledged, or the caller is told that it may not be."""

import time
from collections.abc import Sequence
from contextlib import suppress

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.producer.future import FutureRecordMetadata

from saga.bus import Outgoing, Place
from saga.errors import BrokerUnavailable
from workshop.kafka_bus.names import Names
from workshop.kafka_bus.origin import CHECK_S, Origin
from workshop.kafka_bus.settings import CLOSE_S, MAX_MESSAGE_BYTES


class BusProducer:
    def __init__(self, client: KafkaProducer, origin: Origin, names: Names, *, acknowledge_s: float) -> None:
        self._client = client
        self._origin = origin
        self._names = names
        self._acknowledge_s = acknowledge_s

    def send(self, messages: Sequence[Outgoing]) -> list[Place]:
        """See `saga.bus.Producer`."""
        self._origin.require()
        if not messages:  # to flush wakes the library's thread
            return []
        _refuse_oversized(messages)
        try:
            there = self._names.there
            sent = [self._client.send(there(m.topic), m.value, m.key, list(m.headers)) for m in messages]
            self._flush()
            return [_place(future, message.topic) for future, message in zip(sent, messages, strict=True)]
        except KafkaError as error:
            raise BrokerUnavailable(f"the broker did not acknowledge: {error}") from error

    def close(self) -> None:
        try:
            self._client.close(timeout=CLOSE_S)
        except KafkaTimeoutError:
            # What is left was not acknowledged, and send() has said so. The library keeps its thread for it; we do not.
            self._client._sender.force_close()
            # It hears of that after what it is at, and the name of a broker that is gone can take long to look up.
            with suppress(KafkaTimeoutError):
                self._client.close(timeout=CLOSE_S)

    def _flush(self) -> None:
        """Wait for all acknowledgements, but not for those of a broker that has moved away in the meantime."""
        deadline = time.monotonic() + self._acknowledge_s
        while True:
            try:
                self._client.flush(CHECK_S)
                return
            except KafkaTimeoutError:
                self._origin.require()
                if time.monotonic() >= deadline:
                    raise


def _refuse_oversized(messages: Sequence[Outgoing]) -> None:
    for message in messages:
        if len(message.value) > MAX_MESSAGE_BYTES:
            raise ValueError(
                f"a message of {len(message.value)} bytes for {message.topic} exceeds {MAX_MESSAGE_BYTES} bytes"
            )


def _place(future: FutureRecordMetadata, topic: str) -> Place:
    written = future.get(timeout=CHECK_S)
    if written.offset < 0:  # a broker that was started again takes a repeat for one, and may not know its place
        raise BrokerUnavailable(f"the broker has a message for {topic} already, and does not say where")
    return Place(topic, written.partition, written.offset)
