"""Properties of the board: whatever comes, in whatever batches, each example on the same board."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

property_test = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def in_batches(items: list[Any]) -> st.SearchStrategy[list[list[Any]]]:
    cuts = st.sets(st.integers(1, max(1, len(items) - 1))).map(lambda found: [0, *sorted(found), len(items)])
    return cuts.map(lambda ends: [items[a:b] for a, b in pairwise(ends)])


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back what happens inside: each example of a property begins with the same board."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
