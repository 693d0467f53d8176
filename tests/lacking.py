"""What becomes of a test for which this machine lacks something."""

import os
from typing import NoReturn

import pytest


def give_up(reason: object) -> NoReturn:
    """Skip the test, and say why. In continuous integration, where everything has to be there, it fails."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))
