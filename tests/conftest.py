"""How several processes share the tests: which tests stay together, and which begin first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

BROWSER = Path(__file__).with_name("browser")
# Whatever starts a workshop or a server takes longest, and must not be what everything waits for in the end.
SLOW = {"LiveWorkshop", "broker", "kafka_server", "kafka_address", "postgres_server"}


class Together(LoadScopeScheduling):
    """The tests of a file run in one process, one after another; so do those in a browser, which share a workshop."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if "browser/" in nodeid else nodeid.partition("::")[0]


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


def _is_slow(item: pytest.Item) -> bool:
    needs = {*getattr(item, "fixturenames", ()), *vars(getattr(item, "module", None) or object)}
    return bool(SLOW & needs)
