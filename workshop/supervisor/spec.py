"""What a process is, and when a dead one is started again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
STEADY_S = 30.0
"""A process that lived this long is taken as healthy: its death counts as the first again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    """Which of the workshop's services run in it."""
    outlasts_others: bool = False
    """Is it needed by the others until they have ended?"""
    preload: str | None = None
    """A module to load once for all processes that name it: each is then a copy of the one that has (`.copies`)."""


def count_deaths(deaths: int, *, lived_s: float) -> int:
    """Return how many deaths in a row this one makes."""
    return 1 if lived_s >= STEADY_S else deaths + 1


def restart_delay(deaths: int) -> float:
    """Return how many seconds to wait after so many deaths in a row."""
    return BACKOFF_S[min(deaths, len(BACKOFF_S)) - 1]
