"""Who travels through the chaos: sagas of every scenario in every style, some of them with faults of their own."""

import json
import threading
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from saga.definitions import DEFINITIONS, Definition
from tests.support.system.live import LiveWorkshop

Faults = dict[str, dict[str, Any]]
BATCH = 10
AGAIN_S = 0.2

_FOR_GOOD = {"failures": None, "retryable": False, "error": "it was made to fail for good"}
_UNDO_FOR_EVER = {"failures": None, "action": "undo", "error": "it can only be undone by hand"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sagas that were asked for together, one for each of the `names`, with the same `faults`, by step."""

    scenario: str
    style: str
    names: tuple[str, ...]
    faults: Faults = field(default_factory=dict)

    @property
    def is_doomed(self) -> bool:
        """Can none of them complete?"""
        return any(fault["failures"] is None and fault.get("action") != "undo" for fault in self.faults.values())

    @property
    def needs_a_hand(self) -> bool:
        """Is there a step that only a person can undo?"""
        return any(fault["failures"] is None and fault.get("action") == "undo" for fault in self.faults.values())


class Crowd:
    """Accepts sagas, and keeps which: `accepted` by id, and `unanswered` where the answer to the request was lost."""

    def __init__(self, workshop: LiveWorkshop, random: Random, *, wait: Callable[[float], object] = time.sleep) -> None:
        self.accepted: dict[str, Batch] = {}
        self.unanswered: list[Batch] = []
        self._workshop = workshop
        self._random = random
        self._batches = 0
        self._lock = threading.Lock()
        self._wait = wait

    def __len__(self) -> int:
        return len(self.accepted)

    def come(self, count: int) -> None:
        """Accept at least `count` sagas. The users of an onboarding come twice, once in each style."""
        with self._lock:
            wanted = len(self) + count
            while len(self) < wanted:
                self._come_together(self._random.choice(list(DEFINITIONS.values())))

    def _come_together(self, definition: Definition) -> None:
        self._batches += 1
        names = tuple(f"Chaos {self._batches} {number}" for number in range(1, BATCH + 1))
        faults = _FAULTS[self._random.choices(range(len(_FAULTS)), _CHANCES)[0]](definition, self._random)
        for style in definition.styles:
            self._insist(Batch(scenario=definition.scenario, style=style, names=names, faults=faults))

    def _insist(self, batch: Batch) -> None:
        """Ask until it is taken, or may have been: another one is not drawn for it, so a seed gives the same crowd."""
        while not self.accept(batch) and batch not in self.unanswered:
            self._wait(AGAIN_S)

    def accept(self, batch: Batch) -> list[str]:
        """Ask for the sagas of a batch and return their ids; none if there was no answer, and nobody knows."""
        users = [{"name": name} for name in batch.names]
        try:
            asked = {"scenario": batch.scenario, "style": batch.style, "faults": batch.faults}
            saga_ids = self._workshop.start_sagas(users=users, **asked)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            if refusal.code != 503:  # which says that nothing was started, and the verdict holds it to that
                raise
            return []
        except (OSError, json.JSONDecodeError) as trouble:
            # Where the connection is refused, nobody has heard of it.
            if not isinstance(getattr(trouble, "reason", None), ConnectionRefusedError):
                self.unanswered.append(batch)
            return []
        self.accepted |= dict.fromkeys(saga_ids, batch)
        return saga_ids


def _none(definition: Definition, random: Random) -> Faults:
    return {}


def _first_attempts(definition: Definition, random: Random) -> Faults:
    step = random.choice(definition.steps)
    return {step.name: {"failures": random.randint(1, 3), "retryable": True}}


def _for_good(definition: Definition, random: Random) -> Faults:
    return {random.choice(definition.steps).name: _FOR_GOOD}


def _hard_to_undo(definition: Definition, random: Random) -> Faults:
    undone, fails = _two_steps(definition, random)
    return {undone: {"failures": random.randint(1, 10), "action": "undo"}, fails: _FOR_GOOD}


def _undone_by_hand(definition: Definition, random: Random) -> Faults:
    undone, fails = _two_steps(definition, random)
    return {undone: _UNDO_FOR_EVER, fails: _FOR_GOOD}


def _two_steps(definition: Definition, random: Random) -> list[str]:
    """Return the names of two steps, in order: the first is undone when the second fails."""
    return [definition.steps[at].name for at in sorted(random.sample(range(len(definition.steps)), 2))]


_FAULTS: tuple[Callable[[Definition, Random], Faults], ...] = (
    _none,
    _first_attempts,
    _for_good,
    _hard_to_undo,
    _undone_by_hand,
)
_CHANCES = (60, 15, 15, 8, 2)
