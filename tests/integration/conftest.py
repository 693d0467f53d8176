import gc
from collections.abc import Iterator

import pytest

from tests.brokers import Broker, embedded_broker, kafka_broker, memory_broker


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
