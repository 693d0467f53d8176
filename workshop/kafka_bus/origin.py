"""Where a client connected to, and whether the cluster is still there: an embedded broker that was restarted is not."""

import time
from collections.abc import Callable
from pathlib import Path

from saga.errors import BrokerUnavailable

CHECK_S = 1.0


def address_in(file: Path) -> Callable[[], str]:
    """Return a function that reads the address of an embedded broker, as it stands in `file` when called."""

    def read() -> str:
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            raise BrokerUnavailable("the embedded broker is not running") from None

    return read


class Origin:
    def __init__(self, read_address: Callable[[], str]) -> None:
        self._read_address = read_address
        self.address = read_address()
        self._check_at = time.monotonic() + CHECK_S
        self._moved = False

    def has_moved(self) -> bool:
        """Asked before every poll and send, so it looks only once a second; what has moved never comes back."""
        if not self._moved and time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + CHECK_S
            self._moved = not self._is_there()
        return self._moved

    def require(self) -> None:
        """Raise BrokerUnavailable if the cluster has moved."""
        if self.has_moved():
            raise BrokerUnavailable(f"the broker is no longer at {self.address}")

    def _is_there(self) -> bool:
        try:
            return self._read_address() == self.address
        except BrokerUnavailable:
            return False
