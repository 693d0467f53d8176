"""Whoever dies, and whenever: every saga ends by itself, once, as every ledger says."""

import pytest

from saga.topics import SERVICES
from tests.rehearsal.piece import rehearse

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.mark.parametrize("seed", range(12))
def test_whoever_dies_every_saga_ends_by_itself(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearse(seed, monkeypatch)
