"""What can happen to the workshop, each with a weight: small functions that act through the public API, or kill."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from saga.topics import PARTICIPANTS, SERVICES
from tests.chaos.crashes import INSTANTS, MUST, crash
from tests.chaos.scene import Scene
from tests.chaos.verdict import broken
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S

AT_ONCE = 5
ABOUT_TIME = "within its deadline"
"""Who flags what is late is among those who are killed."""
MUST_EACH = 0.5
"""The part of the acts that is taken from those which must happen, while there are any left."""


class Act(NamedTuple):
    weight: float
    do: Callable[[Scene], None]


def schedule(
    random: Random, acts: Sequence[Act], *, musts: Sequence[Act], is_over: Callable[[], bool]
) -> Iterator[Act]:
    """Yield acts, by weight, until it is over; among them each of `musts` once, early, and in any case."""
    left = random.sample(musts, len(musts))
    while left or not is_over():
        if left and (random.random() < MUST_EACH or is_over()):
            yield left.pop()
        else:
            yield random.choices(acts, [act.weight for act in acts])[0]


def kill_a_service(scene: Scene) -> None:
    service = scene.random.choice(SERVICES)
    with scene.recorded("kill a service"):
        scene.workshop.send("POST", f"/api/services/{service}/kill", {})


def crash_at_an_instant(scene: Scene) -> None:
    crash(scene, dict([scene.random.choice(INSTANTS)]))


def let_steps_fail(scene: Scene) -> None:
    random = scene.random
    rules = {"fail_rate": random.uniform(0.05, 0.5), "action": random.choice(["do", "do", "undo"])}
    with scene.recorded(f"let a part of the attempts to {rules['action']} fail"):
        retryable = random.random() < 0.7
        _break(scene, random.choice(PARTICIPANTS), retryable=retryable, seed=_seed(scene), **rules)


def let_next_steps_fail(scene: Scene) -> None:
    with scene.recorded("let the next attempts fail"):
        retryable = scene.random.random() < 0.7
        rules = {"fail_next": scene.random.randint(1, 20), "retryable": retryable}
        _break(scene, scene.random.choice(PARTICIPANTS), **rules)


def let_messages_go_astray(scene: Scene) -> None:
    random = scene.random
    name, most = random.choice([("drop", 0.1), ("duplicate", 1.0), ("delay", 0.5), ("reorder", 0.5)])
    with scene.recorded(f"{name} messages"):
        rules = {f"{name}_rate": random.uniform(0, most), "delay_ms": random.randint(100, 2000)}
        _break(scene, random.choice(SERVICES), seed=_seed(scene), **rules)


def switch_faults_off(scene: Scene) -> None:
    with scene.recorded("switch all faults off"):
        scene.workshop.clear_faults()


def stop_a_service(scene: Scene) -> None:
    with scene.recorded("stop a service"):
        scene.workshop.change_service(scene.random.choice(SERVICES), running=False)


def start_services(scene: Scene) -> None:
    with scene.recorded("start all services"):
        for service in SERVICES:
            scene.workshop.change_service(service, running=True)


def change_the_lag(scene: Scene) -> None:
    with scene.recorded("change the lag of a service"):
        longest = scene.random.randint(0, 500)
        scene.workshop.change_service(scene.random.choice(SERVICES), lag_ms=[0, longest])


def retry_some(scene: Scene) -> None:
    for saga_id in scene.some_under_way(AT_ONCE):
        with scene.recorded("retry a saga"):
            scene.workshop.retry(saga_id)


def roll_some_back(scene: Scene) -> None:
    for saga_id in scene.some_under_way(AT_ONCE):
        with scene.recorded("roll a saga back"):
            scene.workshop.roll_back(saga_id)


def kill_the_broker(scene: Scene) -> None:
    with scene.recorded("kill -9 the broker"):
        scene.kill_process("broker")


def kill_the_web_server(scene: Scene) -> None:
    with scene.recorded("kill -9 the web server"):
        scene.kill_process("web")


def look(scene: Scene) -> None:
    """Ask for the invariants, which must hold at every moment; the one about time, soon after whatever was killed."""
    with scene.recorded("ask for the invariants"):
        scene.wrong += [f"while it ran: {check}" for check in broken(scene) if ABOUT_TIME not in check]
        eventually(lambda: not broken(scene), within_s=PATIENCE_S)


def _break(scene: Scene, service: str, **rules: Any) -> None:
    """Ask for it, and do not wait until the service has heard: it may be dead."""
    scene.workshop.change_service(service, faults=rules)


def _seed(scene: Scene) -> int:
    return scene.random.randrange(2**31)


ACTS = (
    Act(3, kill_a_service),
    Act(4, crash_at_an_instant),
    Act(4, let_steps_fail),
    Act(2, let_next_steps_fail),
    Act(4, let_messages_go_astray),
    Act(3, switch_faults_off),
    Act(2, stop_a_service),
    Act(3, start_services),
    Act(1, change_the_lag),
    Act(3, retry_some),
    Act(3, roll_some_back),
    Act(3, look),
    Act(0.3, kill_the_broker),
    Act(0.3, kill_the_web_server),
)


def _crashing(service: str, instant: object) -> Act:
    return Act(0, lambda scene: crash(scene, {service: instant}))  # type: ignore[dict-item]


MUSTS = (
    *(_crashing(*where) for where in MUST),
    *(Act(0, do) for do in (kill_a_service, kill_the_broker, kill_the_web_server)),
)
