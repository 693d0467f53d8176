"""A short run of `make chaos`: the same acts, few and in a fixed order, and the same verdict."""

from collections.abc import Iterator
from random import Random

import pytest

from saga.steering import Instant
from tests.chaos import twins
from tests.chaos.acts import kill_a_service, let_messages_go_astray, let_steps_fail, roll_some_back
from tests.chaos.calm import settle
from tests.chaos.crashes import MUST, crash, name_of
from tests.chaos.crowd import Crowd
from tests.chaos.scene import Scene
from tests.chaos.verdict import violations
from tests.support.system.live import LiveWorkshop

SEED = 7
SAGAS = 200
DISTURBANCES = (let_messages_go_astray, let_steps_fail, roll_some_back, kill_a_service)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    workshop = LiveWorkshop(tmp_path_factory.mktemp("chaos"), LAG_MS="0,50", SAGA_DEADLINE_S="5")
    try:
        workshop.start()
        yield Scene(workshop=workshop, crowd=Crowd(workshop, Random(SEED)), random=Random(SEED))
    finally:
        workshop.stop()


@pytest.mark.timeout(600)
def test_every_saga_ends_whole_whatever_crashes_at_whichever_instant(scene: Scene) -> None:
    also = {"hotel": Instant.AFTER_LEDGER}
    for instant, disturb in zip(Instant, DISTURBANCES, strict=True):
        disturb(scene)
        scene.crowd.come(SAGAS // len(Instant))
        crash(scene, {"provisioner": instant, "coordinator": instant, **also})
        also = {}
    settle(scene)
    assert all(scene.done[name_of(*where)] == 1 for where in MUST)
    assert violations(scene) == []


@pytest.mark.timeout(600)
def test_the_same_faults_for_the_same_users_have_the_same_end_in_both_styles(scene: Scene) -> None:
    twins.switch_on_everywhere(scene, seed=SEED, retryable_rate=0.2)
    ends = twins.ends_by_style(scene, count=30)
    scene.workshop.clear_faults()
    assert twins.differences(ends) == []
