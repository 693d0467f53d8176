"""What can be set on a service while it runs."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from saga.steering import NO_FAULTS, Control, FaultRules, Instant, Order


@dataclass(slots=True)
class Dials:
    """Turned by the thread that hears the dashboard, each field replaced whole; read by those that work.

    `crash_at` and `fail_next` are orders that wait for their moment: those that work use them up. `heard` is the wish
    that all else follows.
    `heard_up_to` is a place in the log of what is asked for, and `heard_at` the address of whoever keeps that log: what
    stands before it was heard, and an order is obeyed once, however often the log is read.
    """

    lag_ms: tuple[int, int]
    running: bool = True
    rules: FaultRules = NO_FAULTS
    crash_at: Instant | None = None
    fail_next: int = 0
    heard: str = ""
    heard_at: str = ""
    heard_up_to: int = 0
    _arming: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    @property
    def armed(self) -> dict[str, Any]:
        """Return the orders that wait for their moment, as a heartbeat tells them."""
        waiting = {"crash_at": self.crash_at, "fail_next": self.fail_next}
        return {name: value for name, value in waiting.items() if value}

    def turn(self, control: Control) -> None:
        self.lag_ms = control.lag_ms
        self.running = control.running
        self.rules = control.faults
        self.heard = control.wish

    def listen_at(self, address: str, *, end: int) -> None:
        """Get ready for the log at `address`, which has its end there now; of another one nothing was heard yet."""
        if self.heard_at != address or self.heard_up_to > end:
            self.heard_at, self.heard_up_to = address, 0

    def obey(self, order: Order) -> None:
        """Arm what `order` asks for; what it does not mention stays as it is."""
        with self._arming:
            self.crash_at = None if order.disarm else order.crash_at or self.crash_at
            self.fail_next = 0 if order.disarm else order.fail_next or self.fail_next

    def take_failure(self) -> bool:
        """Shall the attempt that is made now fail? Then one less is left to fail."""
        with self._arming:
            is_next = self.fail_next > 0
            self.fail_next -= is_next
        return is_next
