from collections.abc import Iterator

import pytest

from tests.support.system.live import LiveWorkshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    """One run for what needs no settings of its own. Its sagas may not be idle for long."""
    run = LiveWorkshop(tmp_path_factory.mktemp("run") / "var", LAG_MS="20,150", SAGA_DEADLINE_S="2").start()
    with run.ended_at_last() as workshop:
        yield workshop
