"""Faults on demand are a function of the seed, the user and what is tried: the same disaster, as often as wanted."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from consumers.dials import Dials
from consumers.faults import REORDER_MS, FaultInjected, Faults
from saga.definitions import CHOREOGRAPHY, ORCHESTRATION
from saga.errors import SagaError, StepFailed
from saga.messages import Action, Outcome, SagaMessage, StepFault, User
from saga.steering import FaultRules, Instant
from tests.support.sagas.factories import command, reply, request, undo

MANY = 400


def dials(**rules: Any) -> Dials:
    return Dials(lag_ms=(0, 0), rules=FaultRules(**rules))


def faults(**rules: Any) -> Faults:
    return Faults(dials(**rules))


def people(count: int = MANY, **changes: Any) -> list[SagaMessage]:
    """Return the first request of that many users, each in a saga of its own."""
    users = (User(name=f"user {number}", department="Sales") for number in range(count))
    return [request(saga_id=f"saga-{number}", user=user, **changes) for number, user in enumerate(users)]


def error_of(faults: Faults, message: SagaMessage, attempt: int = 1) -> SagaError | None:
    try:
        faults.check(message, attempt=attempt)
    except (FaultInjected, StepFailed) as error:
        return error
    return None


def fails(faults: Faults, messages: Iterable[SagaMessage], attempt: int = 1) -> list[bool]:
    return [error_of(faults, message, attempt) is not None for message in messages]


class TestByRate:
    def test_without_rules_nothing_fails_and_every_message_arrives_once(self) -> None:
        assert not any(fails(faults(), people()))
        assert all(faults().arrivals(message) == [0.0] for message in people())

    @pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
    def test_about_so_many_attempts_fail(self, rate: float) -> None:
        assert sum(fails(faults(fail_rate=rate), people())) == pytest.approx(MANY * rate, abs=40)

    def test_at_a_rate_of_one_every_attempt_fails(self) -> None:
        assert all(all(fails(faults(fail_rate=1.0), people(50), attempt)) for attempt in range(1, 10))

    def test_the_same_seed_gives_the_same_failures_at_every_run(self) -> None:
        first, second = (fails(faults(fail_rate=0.5, seed=7), people()) for _ in range(2))
        assert first == second

    def test_another_seed_gives_other_failures(self) -> None:
        first, second = (fails(faults(fail_rate=0.5, seed=seed), people()) for seed in (7, 8))
        assert first != second

    def test_the_same_users_fail_in_both_styles(self) -> None:
        first, second = (
            fails(faults(fail_rate=0.5), people(style=style, hop=hop))
            for style, hop in ((CHOREOGRAPHY, 0), (ORCHESTRATION, 5))
        )
        assert first == second

    def test_the_same_users_fail_in_another_saga_of_theirs(self) -> None:
        first = fails(faults(fail_rate=0.5), people())
        assert first == fails(faults(fail_rate=0.5), [request(saga_id="another", user=one.user) for one in people()])

    def test_each_attempt_has_its_own_chance_where_trying_again_helps(self) -> None:
        first, second = (fails(faults(fail_rate=0.5), people(), attempt) for attempt in (1, 2))
        assert first != second

    def test_where_trying_again_does_not_help_every_attempt_has_the_same_end(self) -> None:
        first, second = (fails(faults(fail_rate=0.5, retryable=False), people(), attempt) for attempt in (1, 2))
        assert first == second

    @pytest.mark.parametrize(("retryable", "error"), [(True, FaultInjected), (False, StepFailed)])
    def test_the_error_tells_whether_trying_again_helps(self, retryable: bool, error: type[SagaError]) -> None:
        with pytest.raises(error, match="the shop is closed"):
            faults(fail_rate=1.0, retryable=retryable, error="the shop is closed").check(request(), attempt=1)

    @pytest.mark.parametrize(
        ("rules", "message", "is_hit"),
        [
            pytest.param({}, request(), True, id="any step"),
            pytest.param({}, undo(), False, id="no compensation"),
            pytest.param({"action": Action.UNDO}, undo(), True, id="compensations"),
            pytest.param({"action": Action.UNDO}, request(), False, id="no step"),
            pytest.param({"step": "provision"}, request(), True, id="the step named"),
            pytest.param({"step": "plane"}, request(), False, id="another step"),
        ],
    )
    def test_rules_hit_what_they_name(self, rules: dict[str, Any], message: SagaMessage, is_hit: bool) -> None:
        assert (error_of(faults(fail_rate=1.0, **rules), message) is not None) == is_hit


class TestNext:
    def test_the_next_attempts_fail_and_then_no_more(self) -> None:
        armed = dials()
        armed.fail_next = 3
        assert fails(Faults(armed), people(5)) == [True, True, True, False, False]
        assert armed.fail_next == 0

    def test_what_the_rules_do_not_name_does_not_use_it_up(self) -> None:
        armed = dials(step="notify")
        armed.fail_next = 1
        assert fails(Faults(armed), [request(), undo("notify"), request("notify")]) == [False, False, True]


class TestOfOneSaga:
    @pytest.mark.parametrize("failures", [1, 2, 5])
    def test_so_many_failures_mean_so_many(self, failures: int) -> None:
        message = request(faults={"provision": StepFault(failures=failures, retryable=True)})
        failed = [error_of(faults(), message, attempt) is not None for attempt in range(1, 9)]
        assert failed == [True] * failures + [False] * (8 - failures)

    def test_without_a_number_every_attempt_fails(self) -> None:
        message = request(faults={"provision": StepFault(retryable=True)})
        assert all(error_of(faults(), message, attempt) for attempt in range(1, 50))

    @pytest.mark.parametrize(("retryable", "kind"), [(True, FaultInjected), (False, StepFailed)])
    def test_the_error_is_the_one_asked_for(self, retryable: bool, kind: type[SagaError]) -> None:
        fault = StepFault(retryable=retryable, error="the hotel is full")
        error = error_of(faults(), request(faults={"provision": fault}))
        assert (type(error), str(error)) == (kind, "the hotel is full")

    def test_an_error_that_nobody_named_says_what_was_made_to_fail(self) -> None:
        error = error_of(faults(), request(faults={"provision": StepFault()}))
        assert str(error) == "provision was made to fail"

    def test_it_concerns_one_step_and_not_its_compensation(self) -> None:
        asked = {"notify": StepFault()}
        messages = [request("authorize", faults=asked), request("notify", faults=asked), undo("notify", faults=asked)]
        assert fails(faults(), messages) == [False, True, False]

    def test_a_compensation_can_be_made_to_fail_as_well(self) -> None:
        asked = {"notify": StepFault(action=Action.UNDO)}
        assert fails(faults(), [request("notify", faults=asked), undo("notify", faults=asked)]) == [False, True]

    def test_it_does_not_use_up_what_was_ordered_for_others(self) -> None:
        armed = dials()
        armed.fail_next = 1
        error_of(Faults(armed), request(faults={"provision": StepFault()}))
        assert armed.fail_next == 1


class TestOnTheRoad:
    @pytest.mark.parametrize(
        ("rules", "arrivals"),
        [
            pytest.param({"drop_rate": 1.0}, [], id="lost"),
            pytest.param({"duplicate_rate": 1.0}, [0.0, 0.0], id="twice"),
            pytest.param({"delay_rate": 1.0, "delay_ms": 250}, [0.25], id="late"),
            pytest.param({"reorder_rate": 1.0}, [REORDER_MS / 1000], id="overtaken"),
            pytest.param({"delay_rate": 1.0, "delay_ms": 250, "reorder_rate": 1.0}, [1.25], id="late, and overtaken"),
            pytest.param({"drop_rate": 1.0, "duplicate_rate": 1.0}, [], id="what is lost does not come twice"),
            pytest.param({"delay_rate": 1.0, "delay_ms": 250, "duplicate_rate": 1.0}, [0.25, 0.25], id="late, twice"),
        ],
    )
    def test_messages_arrive_as_the_rules_say(self, rules: dict[str, Any], arrivals: list[float]) -> None:
        assert faults(**rules).arrivals(request()) == arrivals

    @pytest.mark.parametrize("name", ["drop_rate", "duplicate_rate", "delay_rate", "reorder_rate"])
    def test_about_so_many_go_astray_and_always_the_same(self, name: str) -> None:
        first, second = ([faults(**{name: 0.3}).arrivals(message) for message in people()] for _ in range(2))
        assert first == second
        assert sum(arrivals != [0.0] for arrivals in first) == pytest.approx(MANY * 0.3, abs=40)

    def test_a_message_that_was_lost_may_arrive_when_the_saga_is_driven_on(self) -> None:
        lossy = faults(drop_rate=0.5)
        lost = [message for message in people() if not lossy.arrivals(message)]
        again = [lossy.arrivals(request(saga_id=one.saga_id, user=one.user, round=2)) for one in lost]
        assert 0 < sum(map(bool, again)) < len(lost)

    def test_replies_go_astray_as_well(self) -> None:
        replies = [reply(command("car", saga_id=f"saga-{number}"), Outcome.DONE) for number in range(MANY)]
        assert 0 < sum(not faults(drop_rate=0.3).arrivals(one) for one in replies) < MANY


class TestCrash:
    @pytest.fixture
    def deaths(self) -> list[str]:
        return []

    @pytest.fixture
    def die(self, deaths: list[str]) -> Callable[[], None]:
        return lambda: deaths.append("dead")

    @pytest.mark.parametrize("instant", Instant)
    def test_it_dies_at_the_instant_it_was_told_and_at_no_other(
        self, deaths: list[str], die: Callable[[], None], instant: Instant
    ) -> None:
        armed = dials()
        doomed = Faults(armed, die=die)
        armed.crash_at = instant
        for other in set(Instant) - {instant}:
            doomed.crash_if(other)
        assert deaths == []
        doomed.crash_if(instant)
        assert deaths == ["dead"]

    def test_it_dies_once(self, deaths: list[str], die: Callable[[], None]) -> None:
        armed = dials()
        armed.crash_at = Instant.AFTER_LEDGER
        doomed = Faults(armed, die=die)
        for _ in range(3):
            doomed.crash_if(Instant.AFTER_LEDGER)
        assert (deaths, armed.crash_at) == (["dead"], None)

    def test_nobody_dies_who_was_not_told_to(self, deaths: list[str], die: Callable[[], None]) -> None:
        for instant in Instant:
            Faults(dials(), die=die).crash_if(instant)
        assert deaths == []
