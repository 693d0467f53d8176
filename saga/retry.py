"""When to try again: a policy is a value, the decision a function of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off, in seconds, up to `maximum_attempts` in one round.

    `non_retryable` are the errors, derived ones included, after which trying again is of no use: they fail the step at
    once.
    """

    maximum_attempts: int
    initial_s: float = 0.5
    coefficient: float = 2.0
    maximum_s: float = 30.0
    non_retryable: tuple[type[Exception], ...] = ()

    def delay_after(self, attempt: int) -> float:
        """Return how long to wait after attempt number `attempt` (from 1) failed."""
        # The exponent is bounded because a float overflows long before patience ends.
        return min(self.maximum_s, self.initial_s * self.coefficient ** min(attempt - 1, 64))

    def is_final(self, error: Exception) -> bool:
        """Is trying again of no use after `error`?"""
        return isinstance(error, self.non_retryable)

    def allows_another(self, attempt: int) -> bool:
        """May there be one more attempt after number `attempt`?"""
        return attempt < self.maximum_attempts
