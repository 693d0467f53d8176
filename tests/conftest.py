"""What all tests share: an Apache Kafka, and the processes that they run in."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.lacking import give_up
from tests.support.brokers.kinds import CannotStartKafka, kafka_server

BROWSER = Path(__file__).with_name("browser")
# Whatever starts a workshop or a server takes longest, and must not be what everything waits for in the end.
SLOW = {"LiveWorkshop", "broker", "kafka_server", "kafka_address", "postgres_server"}
# By a part of their path: tests of several files that share what takes long to start.
TOGETHER = {
    "browser/page/test_instructor.py": "a guarded workshop and its browser",
    "browser/": "a workshop and its browser",
    "test_bus_contract": "an Apache Kafka",
    "test_kafka_cluster.py": "an Apache Kafka",
    "test_whole_": "a workshop",
}


class Together(LoadScopeScheduling):
    """The tests of a file run in one process, one after another; so do those of files that share something."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((shared for part, shared in TOGETHER.items() if part in file), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        if BROWSER in item.path.parents:  # the first one starts everything, on a machine that may be busy
            item.add_marker(pytest.mark.timeout(300))
    yield
    # After pytest-django has put tests with a database first.
    slow_files = {item.path for item in items if _is_slow(item)}
    items.sort(key=lambda item: (BROWSER not in item.path.parents, item.path not in slow_files))


def pytest_collection_finish() -> None:
    # Modules and tests stay to the end of the run: an eighth of its time went into looking for garbage among them.
    gc.freeze()


def _is_slow(item: pytest.Item) -> bool:
    needs = {*getattr(item, "fixturenames", ()), *vars(getattr(item, "module", None) or object)}
    return bool(SLOW & needs)


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
