"""The same seed of faults, given to the same users in both styles, gives the same end for each user."""

from saga.definitions import ONBOARDING
from tests.chaos.crowd import Batch
from tests.chaos.scene import Scene
from tests.eventually import eventually
from tests.support.system.live import ENDS

WITHIN_S = 90.0


def switch_on_everywhere(scene: Scene, *, seed: int, retryable_rate: float) -> None:
    """Let each step of an onboarding fail for a part of the users, at the services that do it.

    They are stopped when they hear of it, and that they are shows that they have heard.
    """
    for service in _services():
        is_retried = service == "authorizer"
        rules = {"fail_rate": retryable_rate if is_retried else 0.2, "retryable": is_retried, "seed": seed}
        scene.workshop.change_service(service, running=False, faults=rules)
    for service in _services():
        eventually(lambda name=service: scene.workshop.service(name)["state"] == "stopped", within_s=WITHIN_S)
    for service in _services():
        scene.workshop.change_service(service, running=True)


def ends_by_style(scene: Scene, *, count: int) -> dict[str, dict[str, str]]:
    """Return how the sagas of the same users end in each style of an onboarding, by style and user."""
    names = tuple(f"Twin {number}" for number in range(count))
    saga_ids = {
        style: scene.crowd.accept(Batch(scenario=ONBOARDING.scenario, style=style, names=names))
        for style in ONBOARDING.styles
    }
    everyone = {saga_id for some in saga_ids.values() for saga_id in some}
    eventually(lambda: everyone <= scene.workshop.ended(), within_s=WITHIN_S)
    known = scene.workshop.sagas()
    return {style: {known[i]["user"]["name"]: known[i]["status"] for i in some} for style, some in saga_ids.items()}


def differences(ends: dict[str, dict[str, str]]) -> list[str]:
    """Return a sentence for each user whose ends differ, and one if the faults made no difference at all."""
    one, other = ends.values()
    found = [f"{name} was {one[name]} and {other.get(name)}" for name in one if one[name] != other.get(name)]
    if set(one.values()) != set(ENDS):
        found.append(f"the faults were to be felt by some and not by others, and all were {set(one.values())}")
    return found


def _services() -> list[str]:
    return [step.service for step in ONBOARDING.steps]
