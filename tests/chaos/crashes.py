"""Crashes at named instants, each awaited: the supervisor must have seen the process die."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from saga.steering import Instant
from saga.topics import SERVICES
from tests.chaos.scene import Scene
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S

AMONG = 10
LOOK_S = 2.0
LOOKS = 15

INSTANTS = tuple((service, instant) for service in SERVICES for instant in Instant)
# Where a choreography begins, and where an orchestration is decided.
MUST = tuple((service, instant) for service, instant in INSTANTS if service in ("provisioner", "coordinator"))


def name_of(service: str, instant: Instant) -> str:
    return f"crash {instant}: {service}"


def crash(scene: Scene, victims: Mapping[str, Instant]) -> None:
    """Let services, each of another process, crash at an instant of its own, in the midst of work."""
    for service in SERVICES:  # what they have to do comes from others
        scene.workshop.change_service(service, running=True)
    for service in victims:
        scene.wait_until_at_work(service)
    before = {service: scene.process_of(service) for service in victims}
    for service, instant in victims.items():
        with scene.recorded(name_of(service, instant)):
            scene.workshop.change_service(service, faults={"crash_at": instant})
    for service in victims:
        _await_crash(scene, before[service])


def _await_crash(scene: Scene, before: dict[str, Any]) -> None:
    """Wait until the process has died of it, and until its supervisor counts that."""
    process = before["name"]

    def has_died() -> bool:
        return scene.workshop.processes()[process]["pid"] != before["pid"]

    assert any(_comes_true(scene, has_died) for _ in range(LOOKS)), f"{process} has not crashed"
    eventually(lambda: scene.restarts(process) > before["restarts"], within_s=PATIENCE_S)


def _comes_true(scene: Scene, condition: Callable[[], bool]) -> bool:
    """Does the condition hold soon after more has come for the services to do?"""
    scene.crowd.come(AMONG)
    with suppress(AssertionError):
        return eventually(condition, within_s=LOOK_S)
    return False
