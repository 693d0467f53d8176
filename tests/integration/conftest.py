import gc
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.brokers import Broker, CannotStartKafka, embedded_broker, kafka_broker, kafka_server, memory_broker
from tests.lacking import give_up


@pytest.fixture(scope="session")
def kafka_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Apache Kafka for the whole run. Where it cannot be had, its tests are skipped, except in CI."""
    cache = request.config.cache.mkdir("kafka")
    with ExitStack() as stack:
        try:
            address = stack.enter_context(kafka_server(tmp_path_factory.mktemp("kafka"), cache=cache))
        except CannotStartKafka as reason:
            give_up(f"no Apache Kafka: {reason}")
        yield address


@pytest.fixture(params=["memory", "embedded", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each kind of broker in turn: what holds for one must hold for all."""
    if request.param == "kafka":
        opened = kafka_broker(request.getfixturevalue("kafka_address"))
    else:
        opened = {"memory": memory_broker, "embedded": embedded_broker}[request.param]()
    with opened as broker:
        yield broker
    gc.collect()  # the client library leaves a socket behind now and then, and should be found out here
