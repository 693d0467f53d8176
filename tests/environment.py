"""Tests, figures and chaos know nothing of what somebody has set for a workshop of their own: it may be a real one.

As a plugin of pytest (`-p tests.environment`) this holds for the tests' own settings, read before conftest.py is.
"""

import os
from collections.abc import Iterator

import pytest

from workshop.config import Config

# Where a run leaves things is all that may be chosen: by it, several runs of the tests get on beside each other.
SETTINGS = {name.upper() for name in Config.model_fields} - {"VAR_DIR"}


def without_settings() -> dict[str, str]:
    """Return the environment for whatever is started; what it shall be set to is added to that."""
    return {name: value for name, value in os.environ.items() if name.upper().partition("__")[0] not in SETTINGS}


@pytest.hookimpl(wrapper=True)  # before pytest-django, which loads the settings
def pytest_load_initial_conftests() -> Iterator[None]:
    for name in os.environ.keys() - without_settings().keys():
        del os.environ[name]
    yield
