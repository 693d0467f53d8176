import pytest
from hypothesis import settings

from consumers import worker
from tests.support.services.patient import Patient
from tests.support.services.workbench import Workbench

# No deadline: how long something takes is never a failure. No database: a run leaves nothing in the work tree.
settings.register_profile("workshop", deadline=None, database=None)
settings.load_profile("workshop")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A workbench whose clock stands still, so that no worker may wait for it. Its topics have one partition each."""
    monkeypatch.setattr(worker, "POLL_TIMEOUT_S", 0.0)
    monkeypatch.setattr(worker, "GATHER_S", 0.0)
    return Workbench()


@pytest.fixture
def wide_bench(bench: Workbench) -> Workbench:
    """A workbench whose topics have six partitions."""
    return Workbench(partitions=6)


@pytest.fixture
def patient() -> Patient:
    return Patient()
