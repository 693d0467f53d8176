"""How long steps take while a page is looked at."""

from collections.abc import Iterator

import pytest

from tests.browser.board import SetLag
from tests.support.system.live import LiveWorkshop

QUICK_MS = (0, 100)


@pytest.fixture(scope="module")
def quick(workshop: LiveWorkshop) -> None:
    """Steps take little time."""
    workshop.set_lag(*QUICK_MS)


@pytest.fixture
def set_lag(workshop: LiveWorkshop) -> Iterator[SetLag]:
    """Return a function that lets steps take longer until the test has ended."""
    yield workshop.set_lag
    workshop.set_lag(*QUICK_MS)
