"""Faults on demand: attempts that fail, messages that go astray, and a process that dies at a named instant.

Nothing is left to chance: what goes wrong is a function of a seed, of the user, and of what is tried. So a class can
see the same disaster twice, and in both styles.
"""

import hashlib
import os
import signal
from collections.abc import Callable

from consumers.dials import Dials
from saga.errors import SagaError, StepFailed
from saga.messages import Reply, SagaMessage, StepFault
from saga.steering import Instant

REORDER_MS = 1000


class FaultInjected(SagaError):
    """Raised in the place of a step that was made to fail, and that may succeed when it is tried again."""


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Faults:
    """What shall go wrong now, by the dials of this service. `die` ends the process at once."""

    def __init__(self, dials: Dials, *, die: Callable[[], None] = kill_self) -> None:
        self._dials = dials
        self._die = die

    def crash_if(self, instant: Instant) -> None:
        """Die if this is the instant to do so."""
        if self._dials.crash_at is instant:
            self._dials.crash_at = None
            self._die()

    def arrivals(self, message: SagaMessage | Reply) -> list[float]:
        """Return in how many seconds a message shall seem to arrive: never if it is lost, twice if it is duplicated."""
        rules = self._dials.rules
        if not rules.are_on:
            return [0.0]
        if self._happens(rules.drop_rate, "drop", message):
            return []
        late_ms = rules.delay_ms if self._happens(rules.delay_rate, "delay", message) else 0
        if self._happens(rules.reorder_rate, "reorder", message):
            late_ms += REORDER_MS
        copies = 2 if self._happens(rules.duplicate_rate, "duplicate", message) else 1
        return [late_ms / 1000] * copies

    def check(self, message: SagaMessage, *, attempt: int) -> None:
        """Raise StepFailed or FaultInjected if this attempt, counted from 1, shall fail."""
        if fault := _of_saga(message, attempt):
            raise _error(fault.error or f"{message.step} was made to fail", retryable=fault.retryable)
        rules = self._dials.rules
        if rules.step not in (None, message.step) or message.action is not rules.action:
            return
        what = f"fail.{attempt}" if rules.retryable else "fail"
        if self._dials.take_failure() or self._happens(rules.fail_rate, what, message):
            raise _error(rules.error, retryable=rules.retryable)

    def _happens(self, rate: float, what: str, message: SagaMessage | Reply) -> bool:
        if rate in (0.0, 1.0):
            return bool(rate)
        who = message.user.name if isinstance(message, SagaMessage) else message.saga_id
        parts = (self._dials.rules.seed, what, who, message.step, message.action, message.round)
        digest = hashlib.sha256(repr(parts).encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64 < rate


def _of_saga(message: SagaMessage, attempt: int) -> StepFault | None:
    """Return the fault that was asked for when the saga was started, if it concerns this attempt."""
    fault = message.faults.get(message.step or "")
    if fault is None or fault.action is not message.action:
        return None
    return fault if fault.failures is None or attempt <= fault.failures else None


def _error(text: str, *, retryable: bool) -> SagaError:
    return FaultInjected(text) if retryable else StepFailed(text)
