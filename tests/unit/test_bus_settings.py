"""What only the built-in broker needs is told to all of its clients, and to none of a cluster."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.coordinator.assignors.range import RangePartitionAssignor

from workshop.kafka_bus import KafkaBus, settings
from workshop.kafka_bus import bus as module

OPENINGS: dict[str, Callable[[KafkaBus], object]] = {
    "admin": lambda bus: bus.end_offsets(["topic"]),
    "producer": lambda bus: bus.producer(),
    "member": lambda bus: bus.consumer("group", ["topic"], on_revoked=lambda _: None),
    "reader": lambda bus: bus.reader("topic"),
    "news": lambda bus: bus.reader("topic", from_end=True),
}
READING = settings.EMBEDDED | settings.EMBEDDED_CONSUMER
SPECIAL = {"api_version", *READING, *settings.EMBEDDED_NEWS}
OF_THE_BUILT_IN_BROKER: dict[str, dict[str, Any]] = {
    "admin": settings.EMBEDDED,
    "producer": settings.EMBEDDED,
    "member": READING,
    "reader": READING,
    "news": READING | settings.EMBEDDED_NEWS,
}
OF_A_CLUSTER: dict[str, dict[str, Any]] = {
    **{client: {} for client in OPENINGS},
    "member": settings.CLUSTER_CONSUMER | {"partition_assignment_strategy": (RangePartitionAssignor,)},
}


class Client:
    """Any of the library's clients, of a broker with one empty topic; `told` grows by what each is opened with."""

    def __init__(self, told: list[dict[str, Any]], **options: Any) -> None:
        told.append(options)
        self._fetcher = SimpleNamespace(config={"fetch_max_wait_ms": 0})
        self.assign = self.seek = self.subscribe = self.close = lambda *_, **__: None

    def assignment(self) -> set[Any]:
        return set()

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "partitions": [0]} for name in names]

    def list_partition_offsets(self, wanted: dict[Any, Any]) -> dict[Any, Any]:
        return {partition: SimpleNamespace(offset=0) for partition in wanted}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = []
    for name in ("KafkaAdminClient", "KafkaConsumer", "KafkaProducer"):
        monkeypatch.setattr(module, name, partial(Client, options))
    for name in ("knock", "learn_cluster", "learn_topics"):
        monkeypatch.setattr(module, name, lambda _: None)
    return options


@pytest.mark.parametrize("client", OPENINGS)
@pytest.mark.parametrize(
    ("embedded", "special"),
    [pytest.param(True, OF_THE_BUILT_IN_BROKER, id="built-in"), pytest.param(False, OF_A_CLUSTER, id="cluster")],
)
def test_each_kind_of_broker_gets_its_own_settings_and_none_of_the_others(
    told: list[dict[str, Any]], embedded: bool, special: dict[str, dict[str, Any]], client: str
) -> None:
    with closing(KafkaBus(lambda: "127.0.0.1:1", embedded=embedded, client_id="test")) as bus:
        OPENINGS[client](bus)
    assert {name: value for name, value in told[-1].items() if name in SPECIAL} == special[client]
