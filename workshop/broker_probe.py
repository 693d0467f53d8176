"""Whether the broker is there: what the supervisor knows of its process, and what whoever asks it finds."""

import time
from collections.abc import Callable
from pathlib import Path

from dashboard.backstage.monitor import read_process_table

# Long enough to be read from a projector, and for a busy machine to tell it at all.
TOLD_FOR_S = 6.0


class BrokerProbe:
    """A health probe. `trouble` is what was found by asking the broker.

    The supervisor knows of a death before any request fails. Started again in half a second, the broker may be back
    before anybody looks, though all sagas have to be fed anew: so a death is told for a moment afterwards as well.
    """

    def __init__(
        self, process_table: Path, trouble: Callable[[], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._process_table = process_table
        self._trouble = trouble
        self._clock = clock
        self._restarts: int | None = None
        self._told_until = float("-inf")

    def __call__(self) -> str:
        """Return what is wrong, or nothing."""
        for process in read_process_table(self._process_table):
            if process["name"] == "broker":
                self._note(process["restarts"])
                if process["state"] == "restarting" or self._clock() < self._told_until:
                    return f"the broker ended ({process['exit']}) and is started again; accepted sagas wait"
        return self._trouble()

    def _note(self, restarts: int) -> None:
        if self._restarts not in (None, restarts):
            self._told_until = self._clock() + TOLD_FOR_S
        self._restarts = restarts
