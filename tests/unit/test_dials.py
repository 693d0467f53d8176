"""What is set on a service stays set, and what is ordered happens once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from consumers.dials import Dials
from saga.steering import FaultRules, Instant, Order
from tests.support.sagas.factories import control

CRASH = Order(instance="1a2b3c4d", crash_at=Instant.AFTER_LEDGER)
FAIL = Order(instance="1a2b3c4d", fail_next=3)


@pytest.fixture
def dials() -> Dials:
    return Dials(lag_ms=(400, 3000))


def test_a_control_sets_lag_running_and_rules(dials: Dials) -> None:
    asked = control(running=False, lag_ms=(1, 2), faults=FaultRules(drop_rate=0.5))
    dials.turn(asked)
    assert dials == Dials(lag_ms=(1, 2), running=False, rules=FaultRules(drop_rate=0.5), heard=asked.wish)


def test_a_wish_is_the_same_whoever_is_given_an_order_with_it() -> None:
    assert control(order=CRASH).wish == control(order=FAIL).wish == control().wish


@pytest.mark.parametrize(
    "other", [{"running": False}, {"lag_ms": (1, 2)}, {"faults": FaultRules(seed=1)}], ids=["to stop", "lag", "faults"]
)
def test_a_wish_for_anything_else_is_another(other: dict[str, Any]) -> None:
    assert control(**other).wish != control().wish


def test_a_control_without_rules_clears_them(dials: Dials) -> None:
    dials.turn(control(faults=FaultRules(drop_rate=0.5)))
    dials.turn(control())
    assert not dials.rules.are_on


def test_a_control_leaves_orders_that_wait_for_their_moment(dials: Dials) -> None:
    dials.obey(CRASH)
    dials.turn(control())
    assert dials.crash_at is Instant.AFTER_LEDGER


@pytest.mark.parametrize(
    ("orders", "armed"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([CRASH], {"crash_at": "after the ledger's transaction"}, id="a crash"),
        pytest.param([FAIL], {"fail_next": 3}, id="failures"),
        pytest.param([FAIL, CRASH], {"crash_at": "after the ledger's transaction", "fail_next": 3}, id="both"),
        pytest.param([FAIL, CRASH, Order(instance="1a2b3c4d", disarm=True)], {}, id="disarmed"),
        pytest.param([Order(instance="1a2b3c4d", kill=True)], {}, id="to die at once"),
    ],
)
def test_orders_add_up_until_they_are_disarmed(dials: Dials, orders: list[Order], armed: dict[str, Any]) -> None:
    for order in orders:
        dials.obey(order)
    assert dials.armed == armed


@pytest.mark.parametrize(
    ("rules", "are_on"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"seed": 7, "delay_ms": 10, "error": "x", "retryable": False}, False, id="nothing that happens"),
        *[
            pytest.param({name: 0.1}, True, id=name)
            for name in ("fail_rate", "drop_rate", "duplicate_rate", "delay_rate", "reorder_rate")
        ],
    ],
)
def test_rules_are_on_while_anything_can_happen_by_them(rules: dict[str, Any], are_on: bool) -> None:
    assert FaultRules(**rules).are_on == are_on


def test_as_many_attempts_fail_as_were_asked_for_whoever_makes_them(dials: Dials) -> None:
    dials.obey(Order(instance="1a2b3c4d", fail_next=100))
    with ThreadPoolExecutor(8) as threads:
        failed = list(threads.map(lambda _: dials.take_failure(), range(1000)))
    assert (sum(failed), dials.fail_next) == (100, 0)
