"""What can be set on a service while it runs."""

from dataclasses import dataclass

from saga.messages import Control


@dataclass(slots=True)
class Dials:
    """Written by the thread that hears the dashboard, read by the one that works; each field is replaced whole."""

    lag_ms: tuple[int, int]
    running: bool = True

    def turn(self, control: Control) -> None:
        self.lag_ms = control.lag_ms
        self.running = control.running
