"""A saga definition checks itself, and answers what comes next and what came before."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from saga.definitions import DEFINITIONS, ONBOARDING, PACKAGE, TRIP, Closing, Definition, Step, definition_of
from saga.errors import DefinitionError, MessageRejected
from saga.topics import PARTICIPANTS, SAGA_TOPICS, SERVICES, TOPICS_BY_SERVICE, partitions_by_topic

BOOK = Step(name="book", service="car", topic="book-car", undo_topic="undo-book")
PAY = Step(name="pay", service="bank", topic="pay", undo_topic="undo-pay")
FLY = Step(name="fly", service="flight", topic="fly", undo_topic="undo-fly")
CLOSING = Closing(service="car", topic="booked", undo_topic="roll-back")


def define(*stages: tuple[Step, ...], closing: Closing | None = None) -> Definition:
    return Definition(scenario="outing", stages=stages, closing=closing)


def step(name: str, *, topic: str, undo_topic: str = "undo-it") -> Step:
    return Step(name=name, service="bank", topic=topic, undo_topic=undo_topic)


def closing(*, service: str = "car", topic: str = "booked", undo_topic: str = "roll-back") -> Closing:
    return Closing(service=service, topic=topic, undo_topic=undo_topic)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        pytest.param(lambda: define(), "at least one step", id="no stage"),
        pytest.param(lambda: define((BOOK,), ()), "at least one step", id="an empty stage"),
        pytest.param(lambda: define((BOOK,), (step("book", topic="b"),)), "same name", id="a name twice"),
        pytest.param(lambda: define((BOOK, BOOK)), "same name", id="a name twice in a stage"),
        pytest.param(lambda: define((step("b|k", topic="t"),)), "is no name", id="a step with a bar"),
        pytest.param(lambda: define((step("b" * 33, topic="t"),)), "is no name", id="a step of 33 characters"),
        pytest.param(lambda: define((replace(BOOK, service="Car"),)), "is no name", id="a service in capitals"),
        pytest.param(lambda: replace(define((BOOK,)), scenario=""), "is no name", id="no scenario"),
        pytest.param(lambda: define((step("close", topic="t"),)), "can be called 'close'", id="a step 'close'"),
        pytest.param(lambda: define((step("saga", topic="t"),)), "can be called 'saga'", id="a step 'saga'"),
        pytest.param(
            lambda: define((BOOK,), (step("b", topic="book-car"),), closing=CLOSING), "share a topic", id="a topic"
        ),
        pytest.param(
            lambda: define((step("book", topic="b", undo_topic="b"),), closing=CLOSING),
            "share a topic",
            id="do and undo on one topic",
        ),
        pytest.param(
            lambda: define((BOOK,), closing=closing(topic="book-car")), "share a topic", id="the closing topic twice"
        ),
        pytest.param(
            lambda: define((BOOK,), closing=closing(undo_topic="undo-book")), "share a topic", id="the roll-back topic"
        ),
        pytest.param(
            lambda: define((BOOK,), (PAY,), closing=closing(service="bank")),
            "ends where it began",
            id="closed elsewhere",
        ),
        pytest.param(lambda: define((BOOK, PAY), closing=CLOSING), "need a coordinator", id="a chain that forks"),
    ],
)
def test_a_mistaken_definition_is_refused(mistake: Callable[[], Definition], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        mistake()


def test_steps_that_a_coordinator_asks_for_may_share_a_topic() -> None:
    assert define((BOOK, step("b", topic="book-car", undo_topic="book-car"))).steps[0] is BOOK


@pytest.mark.parametrize(
    ("definition", "styles"),
    [(ONBOARDING, ("choreography", "orchestration")), (TRIP, ("orchestration",)), (PACKAGE, ("orchestration",))],
    ids=lambda each: getattr(each, "scenario", None),
)
def test_without_a_closing_there_is_only_orchestration(definition: Definition, styles: tuple[str, ...]) -> None:
    assert definition.styles == styles


def test_a_step_is_followed_by_the_next_and_the_last_by_none() -> None:
    outing = define((BOOK,), (PAY,))
    assert (outing.step_after("book"), outing.step_after("pay")) == (PAY, None)


def test_a_step_is_preceded_by_the_last_and_the_first_by_none() -> None:
    outing = define((BOOK,), (PAY,))
    assert (outing.step_before("pay"), outing.step_before("book")) == (BOOK, None)


@pytest.mark.parametrize(("name", "names"), [("book", ()), ("pay", ("book",)), ("fly", ("book",))], ids=str)
def test_before_a_step_come_those_of_all_earlier_stages(name: str, names: tuple[str, ...]) -> None:
    assert define((BOOK,), (PAY, FLY)).names_before(name) == names


@pytest.mark.parametrize(
    "ask", [ONBOARDING.step, ONBOARDING.step_after, ONBOARDING.step_before, ONBOARDING.names_before]
)
def test_an_unknown_step_rejects_the_message(ask: Callable[[str], object]) -> None:
    with pytest.raises(MessageRejected, match="no step 'fly'"):
        ask("fly")


def test_an_unknown_scenario_rejects_the_message() -> None:
    with pytest.raises(MessageRejected, match="unknown scenario 'moon-shot'"):
        definition_of("moon-shot")


def test_each_definition_is_found_by_its_name() -> None:
    assert [definition_of(name).scenario for name in DEFINITIONS] == list(DEFINITIONS)


def test_steps_of_different_scenarios_with_one_name_are_of_one_service() -> None:
    owners: dict[str, set[str]] = {}
    for each in (step for definition in DEFINITIONS.values() for step in definition.steps):
        owners.setdefault(each.name, set()).add(each.service)
    assert {name: services for name, services in owners.items() if len(services) > 1} == {}


def test_no_compensation_gives_up_earlier_than_its_step() -> None:
    for each in (step for definition in DEFINITIONS.values() for step in definition.steps):
        assert each.undo_retry.maximum_attempts >= each.retry.maximum_attempts
        assert not each.undo_retry.non_retryable


def test_each_saga_topic_is_read_by_exactly_one_service() -> None:
    assert len(set(SAGA_TOPICS)) == len(SAGA_TOPICS)
    assert TOPICS_BY_SERVICE == {
        "provisioner": ("new-user", "undo-provision", "notified", "roll-back"),
        "authorizer": ("authorize", "undo-authorize"),
        "notifier": ("notify", "undo-notify"),
        "car": ("car",),
        "hotel": ("hotel",),
        "flight": ("flight",),
        "tickets": ("tickets",),
        "coordinator": ("sagas", "replies"),
    }
    assert tuple(TOPICS_BY_SERVICE) == SERVICES == (*PARTICIPANTS, "coordinator")


def test_what_must_arrive_in_the_order_it_was_said_has_one_partition() -> None:
    counts = partitions_by_topic(6)
    assert {topic for topic, count in counts.items() if count == 1} == {"heartbeat", "control", "forget"}
    assert {topic for topic, count in counts.items() if count == 6} == {*SAGA_TOPICS, "trace", "dead-letter"}
