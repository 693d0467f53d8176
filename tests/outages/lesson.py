"""A lesson under way, in which something breaks: what must hold while it lasts, and after it."""

import json
import threading
import urllib.error
from collections.abc import Callable
from itertools import count, cycle
from random import Random
from typing import Any

from dashboard.backstage.backstage_reports import NOBODY
from saga.definitions import DEFINITIONS
from tests.chaos.crowd import Batch, Crowd, Faults
from tests.chaos.scene import UNFINISHED, Scene
from tests.chaos.verdict import violations
from tests.eventually import eventually
from tests.outages.witness import Witness
from tests.support.system.live import ENDS, PATIENCE_S, LiveWorkshop

TOGETHER = 2
EVERY_S = 0.25
LOOK_EVERY_S = 0.25
# It tells the page of all the others.
MESSENGER = "projector"

_FOR_GOOD: Faults = {"authorize": {"failures": None, "retryable": False}}
_TWICE: Faults = {"notify": {"failures": 2, "retryable": True}}
_FULL: Faults = {"hotel": {"failures": None, "retryable": False}}
_KINDS: tuple[tuple[str, Faults], ...] = (
    ("onboarding", {}),
    ("trip", {}),
    ("onboarding", _FOR_GOOD),
    ("package", _FULL),
    ("onboarding", _TWICE),
)


class Lesson:
    """Sagas of every scenario, in both styles, are accepted all the time, and somebody watches the page."""

    def __init__(self, workshop: LiveWorkshop, crowd: Crowd) -> None:
        self.workshop = workshop
        self.crowd = crowd
        self.witness = Witness(workshop.url)
        self._began_with = len(crowd)
        self._crowds = count(1)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        self.witness.close()

    def crowd_comes(self, size: int, faults: Faults | None = None) -> list[str]:
        """Accept so many sagas at once, and return their ids."""
        return eventually(lambda: self.crowd.accept(self._many(size, faults)), within_s=PATIENCE_S)

    def refusal(self) -> str | None:
        """Ask for some sagas, and return why they are refused for now; nothing if they are accepted."""
        batch = self._many(200)
        users = [{"name": name} for name in batch.names]
        try:
            saga_ids = self.workshop.start_sagas(scenario=batch.scenario, style=batch.style, users=users)
        except urllib.error.HTTPError as refusal:
            return str(json.load(refusal)["detail"])
        self.crowd.accepted |= dict.fromkeys(saga_ids, batch)
        return None

    def goes_on_accepting(self, sagas: int = 10) -> None:
        wanted = len(self.crowd) + sagas
        eventually(lambda: len(self.crowd) >= wanted, within_s=PATIENCE_S)

    def goes_on_ending(self, sagas: int = 10) -> None:
        """Wait until so many more sagas have ended, as the page shows it."""
        wanted = self._ends_shown() + sagas
        eventually(lambda: self._ends_shown() >= wanted, within_s=PATIENCE_S)

    def says_what_is_wrong(self, part: str) -> None:
        """Wait until the page, and `/readyz`, name this part."""
        eventually(lambda: part in self.witness.troubles and part in not_ready(self.workshop), within_s=PATIENCE_S)

    def says_so_for(self, seconds: float, part: str) -> None:
        """Hold that the page goes on to name this part for so long, or says that nobody tells it of any part."""
        for _ in range(int(seconds / LOOK_EVERY_S)):
            troubles = self.witness.troubles
            assert part in troubles or troubles.get(MESSENGER) == NOBODY
            threading.Event().wait(LOOK_EVERY_S)

    def says_that_all_is_well(self) -> None:
        said: list[dict[str, str]] = []

        def is_well() -> bool:
            said[:] = [self.witness.troubles, not_ready(self.workshop)]
            return not any(said)

        _look_until(is_well, within_s=PATIENCE_S)
        assert not any(said), f"what the page and /readyz still say is wrong: {said}"

    def must_end_well(self, *, within_s: float = PATIENCE_S) -> None:
        """Accept no more, and hold that every saga ends, that the page shows it, and that every invariant holds."""
        self._is_over.set()
        self._thread.join()
        _look_until(lambda: not self._unfinished(), within_s=within_s)
        found = violations(Scene(workshop=self.workshop, crowd=self.crowd, random=Random()))
        assert not found, (found, self._unfinished())
        eventually(lambda: not any(self.backlogs().values()), within_s=PATIENCE_S)
        accepted = self.accepted()
        shown = self.witness.rows
        eventually(lambda: all(shown.get(one, {}).get("status") in ENDS for one in accepted), within_s=PATIENCE_S)

    def backlogs(self) -> dict[str, int]:
        """Return how many messages wait for each service, by what the page says."""
        return {one["name"]: one["backlog"] for one in self.workshop.get("/api/services")["services"]}

    def accepted(self) -> set[str]:
        """Return the ids of the sagas that were accepted in this lesson."""
        return set(list(self.crowd.accepted)[self._began_with :])

    def _accept(self) -> None:
        for number, (scenario, faults) in zip(count(1), cycle(_KINDS), strict=False):
            for style in DEFINITIONS[scenario].styles:
                names = tuple(f"Guest {self._began_with}.{number}.{one}" for one in range(TOGETHER))
                self.crowd.accept(Batch(scenario=scenario, style=style, names=names, faults=faults))
                if self._is_over.wait(EVERY_S):
                    return

    def _many(self, size: int, faults: Faults | None = None) -> Batch:
        crowd = next(self._crowds)
        names = tuple(f"Crowd {self._began_with}.{crowd}.{number}" for number in range(size))
        return Batch(scenario="onboarding", style="choreography", names=names, faults=faults or {})

    def _ends_shown(self) -> int:
        return sum(row["status"] in ENDS for row in list(self.witness.rows.values()))

    def _unfinished(self) -> list[Any]:
        """Return one saga of each status that is no end, with its events."""
        found = [self.workshop.get(f"/api/sagas?status={status}&limit=1")["sagas"] for status in UNFINISHED]
        return [self.workshop.saga(row["saga_id"]) for rows in found for row in rows]


def not_ready(workshop: LiveWorkshop) -> dict[str, str]:
    """Return what `/readyz` says is wrong, in words by the part's name."""
    try:
        workshop.get("/readyz")
    except urllib.error.HTTPError as refusal:
        return {part["name"]: part["detail"] for part in json.load(refusal)["dependencies"] if not part["ok"]}
    return {}


def _look_until(condition: Callable[[], Any], *, within_s: float) -> None:
    """Wait, but leave it to the verdict to say what is wrong when it takes too long."""
    try:
        eventually(condition, within_s=within_s)
    except AssertionError:
        return
