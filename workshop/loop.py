"""How every long-running part is run: opened, cycled until told to stop, and after any trouble closed and opened again.

Crash-only: losing the broker or the database is handled by the same road as losing the process. What was in hand is
dropped, and delivered again.
"""

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from django.db import DatabaseError, close_old_connections, connections

from saga.errors import SagaError
from saga.steering import State

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 5.0
STOPPED_CHECK_S = 0.1
LONGEST_DETAIL = 500
"""An error of the client library can name every partition there is."""

log = logging.getLogger(__name__)


class Part(Protocol):
    def run_once(self) -> bool:
        """Return whether there may be more to do at once."""

    def close(self) -> None: ...


P = TypeVar("P", bound=Part)


class Loop(Generic[P]):
    """Runs what `open_part` opens while `may_run()` holds; opens it anew when `is_stale()` or after an error.

    `open_part` is handed the event that tells it to stop waiting, and may then return None. `after_cycle` is called
    after each cycle that went well. After one that left nothing to do the loop rests for `rest_s` seconds: that is for
    parts that look at something from time to time, and none for those that wait for messages themselves. `at_end` is
    called once, when the loop has been stopped.
    """

    def __init__(
        self,
        name: str,
        open_part: Callable[[threading.Event], P | None],
        *,
        is_stale: Callable[[], bool] = lambda: False,
        may_run: Callable[[], bool] = lambda: True,
        after_cycle: Callable[[], None] = lambda: None,
        rest_s: float = 0.0,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.state: State = "starting"
        self.detail = ""
        self.part: P | None = None
        self._open = open_part
        self._is_stale = is_stale
        self._may_run = may_run
        self._after_cycle = after_cycle
        self._rest_s = rest_s
        self._at_end = at_end
        self._stop = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Block until `stop` is called from another thread or a signal handler."""
        while not self._stop.is_set():
            if not self._may_run():
                self._be("stopped")
                self._stop.wait(STOPPED_CHECK_S)
                continue
            try:
                self._session()
            except (SagaError, DatabaseError, OSError) as trouble:
                self._be("failing", _told(trouble))
                log.warning("%s: %s; trying again", self.name, self.detail)
                self._back_off()
            except Exception as bug:
                self._be("failing", _told(bug))
                log.exception("%s: unexpected error; trying again", self.name)
                self._back_off()
        self._at_end()
        connections.close_all()  # this thread's: so that nothing of them is left beside a file
        self._be("stopped")

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self._stop.set()

    def _session(self) -> None:
        close_old_connections()
        self._be("failing" if self._failures else "starting", self.detail)
        part = self._open(self._stop)
        if part is None:
            return
        self.part = part
        try:
            while self._may_run() and not self._stop.is_set() and not self._is_stale():
                has_more = part.run_once()
                self._after_cycle()
                self._failures = 0
                self._be("running")
                if not has_more:
                    self._stop.wait(self._rest_s)
        except Exception as trouble:
            self._be("failing", _told(trouble))  # it is closed knowing that
            raise
        finally:
            self.part = None
            part.close()

    def _back_off(self) -> None:
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        self._stop.wait(delay)

    def _be(self, state: State, detail: str = "") -> None:
        if state != self.state:
            log.info("%s: %s", self.name, state)
        self.state, self.detail = state, detail


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]
