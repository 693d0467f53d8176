"""The same as in the quick tests, often enough that what is rare comes about."""

import pytest

from saga.topics import SERVICES
from tests.rehearsal.piece import rehearse

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.mark.parametrize("seed", range(1000, 1048))
def test_whoever_dies_every_saga_ends_by_itself(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearse(seed, monkeypatch)
