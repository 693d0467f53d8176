"""Those who play: every part of a workshop, each opened anew when it has died or lost the broker."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Protocol

from dashboard.backstage.projector import GROUP as PROJECTOR
from dashboard.backstage.projector import Projector
from dashboard.backstage.relay import Relay
from dashboard.backstage.retention import Policy, Retention
from dashboard.models import Board
from saga.errors import BrokerUnavailable
from saga.steering import FaultRules
from saga.topics import SERVICES
from tests.support.services.fuse import Crash, Fuse
from tests.support.services.workbench import Workbench

RELAY, RETENTION = "relay", "retention"
READERS = (*SERVICES, PROJECTOR)
PARTS = (*READERS, RELAY, RETENTION)
# Longer than any pause between two attempts, and more rounds of it than there are attempts on the longest way.
PAUSE_S = 60.0
MOST_ROUNDS = 400
ROUNDS_OF_REST = 3


class Part(Protocol):
    def run_once(self) -> bool: ...

    def close(self) -> None: ...


class Ambush(Fuse):
    """A fuse that can also let something else happen at an instant, after which the cycle goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._instant: str | None = None
        self._act: Callable[[], None] = lambda: None

    def lay(self, instant: str, act: Callable[[], None]) -> None:
        self._instant, self._act = instant, act

    def defuse(self) -> None:
        self.blow_at = self._instant = None

    def come_to(self, instant: str) -> None:
        super().come_to(instant)
        if instant == self._instant:
            self._instant = None
            self._act()


class Company:
    """One of each part, and a second one of those that come; `script` is what has happened so far, a line each.

    `keep` is how many sagas that have ended are not forgotten, 0 for all of them.
    """

    def __init__(self, random: Random, *, keep: int) -> None:
        self.script: list[str] = []
        self.fuse = Ambush()
        self.at_work = ""
        self._random = random
        self._keep = keep
        self._bench = Workbench(partitions=2, fuse=self.fuse)
        self._bench.dials.lag_ms = random.choice([(0, 0), (0, 3000)])
        self._bus = self._bench.bus
        self._parts: dict[str, Part] = {}
        self._lives: dict[str, int] = {}
        for name in PARTS:
            self._open(name)

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def cycle(self, name: str) -> bool:
        """Let one work for a cycle, and return whether it did. Who dies, or has lost the broker, is opened anew."""
        self.at_work = name
        try:
            if self._lives[name] == self._bus.lives:
                return self._noted(name, self._parts[name].run_once())
        except Crash as instant:
            self.note(f"{name} dies {instant}")
        except BrokerUnavailable as trouble:
            self.note(f"{name}: {trouble}")
        self._close(name)
        self._open(name)
        return True

    def come_to_rest(self) -> None:
        """Go on until nobody has had anything to do for long."""
        self.fuse.defuse()
        rest = 0
        for _ in range(MOST_ROUNDS):
            worked = [name for name in self.names if self.cycle(name)]
            rest = 0 if worked else rest + 1
            if rest >= ROUNDS_OF_REST and self._is_all_forgotten():
                return
            self._bench.clock.seconds += PAUSE_S
        raise AssertionError("they never come to rest")

    def add_second(self, name: str) -> None:
        second = f"{name} 2"
        if second not in self._parts:
            self.note(f"{second} comes")
            self._open(second)

    def dismiss_second(self) -> None:
        if seconds := [name for name in self._parts if name.endswith(" 2")]:
            second = self._random.choice(seconds)
            self.note(f"{second} leaves")
            self._close(second)

    def throw_out(self, name: str) -> None:
        """Let the group of this one take it, and all others, for dead."""
        self.note(f"the group of {name} throws its members out")
        self._bus.evict(kind_of(name))

    def forget_all(self) -> None:
        self.note("the broker is started again, and has forgotten everything")
        self._bus.restart()

    @property
    def has_lost_news(self) -> bool:
        """Has the broker forgotten anything? What was said of a saga that had ended is then said to nobody again."""
        return self._bus.lives > 1

    def let_pass(self, seconds: float) -> None:
        self.note(f"{seconds} s pass")
        self._bench.clock.seconds += seconds

    def break_by(self, rules: FaultRules) -> None:
        self.note(str(rules))
        self._bench.dials.rules = rules

    def note(self, line: str) -> None:
        self.script.append(line)

    def _noted(self, name: str, has_worked: bool) -> bool:
        if has_worked:
            self.note(f"{name} has worked")
        return has_worked

    def _is_all_forgotten(self) -> bool:
        board = Board.current()
        return not self._keep or board.pruned == max(0, board.ended - self._keep)

    def _open(self, name: str) -> None:
        self._lives[name] = self._bus.lives
        kind = kind_of(name)
        if kind == RELAY:
            self._parts[name] = Relay(self._bus, in_flight_limit=self._random.choice([2, 100]))
        elif kind == RETENTION:
            self._parts[name] = Retention(self._bus, policy=Policy(days=0, sagas=self._keep))
        elif kind == PROJECTOR:
            self._parts[name] = Projector(self._bus, board_changed=lambda: None)
        else:
            self._parts[name] = self._bench.worker(kind, work_limit=self._random.choice([1, 5, 1000]))

    def _close(self, name: str) -> None:
        with suppress(BrokerUnavailable):
            self._parts.pop(name).close()


def kind_of(name: str) -> str:
    """Return which part it is, the first or the second of it."""
    return name.removesuffix(" 2")
