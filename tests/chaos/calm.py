"""After the chaos: everything is switched on and right again, and what got stuck is driven on until all has ended."""

import threading
import time
import urllib.error
from typing import Any

from saga.topics import SERVICES
from tests.chaos.scene import UNFINISHED, Scene
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S

WITHIN_S = 300.0
LOOK_EVERY_S = 0.5
DRIVE_EVERY_S = 10.0
# What is refused because it has got on by itself in the meantime.
TOO_LATE = 409


def settle(scene: Scene, *, within_s: float = WITHIN_S) -> None:
    """Return when every saga has ended, or when it has taken too long: the verdict says what has not."""
    _calm_down(scene)
    deadline = time.monotonic() + within_s
    driven: dict[str, float] = {}
    while _are_unfinished(scene) and time.monotonic() < deadline:
        for saga_id, saga in scene.workshop.sagas(status="stuck").items():
            if time.monotonic() - driven.get(saga_id, 0.0) > DRIVE_EVERY_S:
                driven[saga_id] = time.monotonic()
                _drive_on(scene, saga)
        threading.Event().wait(LOOK_EVERY_S)


def _calm_down(scene: Scene) -> None:
    scene.workshop.clear_faults()
    for service in SERVICES:
        scene.workshop.change_service(service, running=True, lag_ms=[0, 0])
    for service in SERVICES:
        scene.wait_until_at_work(service)
    eventually(scene.workshop.is_up, within_s=PATIENCE_S)


def _are_unfinished(scene: Scene) -> bool:
    return any(scene.workshop.get(f"/api/sagas?status={status}&limit=1")["sagas"] for status in UNFINISHED)


def _drive_on(scene: Scene, saga: Any) -> None:
    """Do what a person would: retry, and where that can never help, undo by hand and say so."""
    by_hand = saga["saga_id"] in scene.crowd.accepted and scene.crowd.accepted[saga["saga_id"]].needs_a_hand
    stuck = [step["name"] for step in saga["steps"] if step["status"] == "stuck"]
    waits = any(step["next_attempt_at"] for step in saga["steps"])
    try:
        if by_hand and stuck:
            scene.workshop.resolve(saga["saga_id"], stuck[0])
            scene.done["settling: undo a step by hand"] += 1
        elif not (by_hand and waits):
            scene.workshop.retry(saga["saga_id"])
            scene.done["settling: retry a stuck saga"] += 1
    except urllib.error.HTTPError as refusal:
        refusal.close()
        if refusal.code != TOO_LATE:
            raise
