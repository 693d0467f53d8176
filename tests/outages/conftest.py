"""One stack for the whole tier. Where a part of it cannot be had, its tests are skipped, except in CI."""

from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import TypeVar

import pytest

from tests.chaos.crowd import Crowd
from tests.lacking import give_up
from tests.outages.lesson import Lesson
from tests.outages.spread import SpreadWorkshop
from tests.support.brokers.kinds import CannotStartKafka, KafkaServer
from tests.support.system.stack import CannotStart, PostgresServer, RedisServer

T = TypeVar("T")


def where_it_can_be_had(make: Callable[[], T]) -> T:
    try:
        return make()
    except (CannotStart, CannotStartKafka) as reason:
        give_up(reason)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    cache = request.config.cache.mkdir("kafka")
    server = where_it_can_be_had(lambda: KafkaServer(tmp_path_factory.mktemp("kafka"), cache=cache))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = where_it_can_be_had(PostgresServer)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    server = where_it_can_be_had(RedisServer)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def workshop(
    kafka: KafkaServer, postgres: PostgresServer, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SpreadWorkshop]:
    settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "REDIS_URL": redis.url, "BACKSTAGE": "false"}
    run = SpreadWorkshop(tmp_path_factory.mktemp("var"), LAG_MS="50,300", **settings, **postgres.settings)
    yield run.start()
    run.stop()


@pytest.fixture(scope="session")
def crowd(workshop: SpreadWorkshop) -> Crowd:
    return Crowd(workshop, Random())


@pytest.fixture
def hurried(workshop: SpreadWorkshop) -> Iterator[SpreadWorkshop]:
    """Steps that take no time, for tests of everything around them."""
    workshop.set_lag(0, 0)
    yield workshop
    workshop.set_lag(50, 300)


@pytest.fixture
def lesson(workshop: SpreadWorkshop, crowd: Crowd) -> Iterator[Lesson]:
    """A lesson that goes well so far; whatever breaks in it, no process ends of that."""
    with closing(Lesson(workshop, crowd)) as lesson:
        lesson.goes_on_ending()
        yield lesson
    assert workshop.ended_by_themselves() == []
