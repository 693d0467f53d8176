"""When a failed step is tried again, and when no more."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga.definitions import PATIENT, PERSISTENT
from saga.errors import StepFailed
from saga.retry import RetryPolicy

POLICY = RetryPolicy(maximum_attempts=6)
attempts = st.integers(1, 10**6)


def test_the_first_delays_double() -> None:
    assert [POLICY.delay_after(attempt) for attempt in range(1, 9)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@given(attempts)
def test_each_delay_is_positive_and_bounded(attempt: int) -> None:
    assert POLICY.initial_s <= POLICY.delay_after(attempt) <= POLICY.maximum_s


@given(attempts)
def test_no_delay_is_shorter_than_the_one_before(attempt: int) -> None:
    assert POLICY.delay_after(attempt) <= POLICY.delay_after(attempt + 1)


@given(attempts, st.floats(0.001, 10), st.floats(1, 100), st.floats(10, 10_000))
def test_every_policy_keeps_to_its_maximum(attempt: int, initial: float, coefficient: float, maximum: float) -> None:
    policy = replace(POLICY, initial_s=initial, coefficient=coefficient, maximum_s=maximum)
    assert 0 < policy.delay_after(attempt) <= maximum


@pytest.mark.parametrize("most", [1, 2, 6])
def test_there_are_as_many_attempts_as_the_policy_says(most: int) -> None:
    policy = RetryPolicy(maximum_attempts=most)
    assert [attempt for attempt in range(1, 10) if policy.allows_another(attempt)] == list(range(1, most))


class NoRoom(StepFailed):
    """A business failure with a name of its own."""


@pytest.mark.parametrize(
    ("error", "is_final"), [(StepFailed("no"), True), (NoRoom("no"), True), (OSError("no"), False)], ids=repr
)
def test_what_is_final_by_its_type_is_so_by_a_more_precise_one(error: Exception, is_final: bool) -> None:
    assert PATIENT.is_final(error) is is_final
    assert not PERSISTENT.is_final(error)


@pytest.mark.parametrize("policy", [PATIENT, PERSISTENT], ids=["a step", "a compensation"])
def test_a_person_is_called_within_a_minute(policy: RetryPolicy) -> None:
    assert sum(policy.delay_after(attempt) for attempt in range(1, policy.maximum_attempts)) < 60
