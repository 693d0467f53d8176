"""A saga definition checks itself, and answers what comes next."""

import pytest

from saga.definitions import DEFINITIONS, ONBOARDING, Definition, Step, definition_of
from saga.errors import DefinitionError, MessageRejected
from saga.topics import SAGA_TOPICS, SERVICES, TOPICS_BY_SERVICE, partitions_by_topic

BOOK = Step(name="book", service="car", topic="book-car")
PAY = Step(name="pay", service="bank", topic="pay")


def define(*steps: Step, closing_topic: str = "booked", closed_by: str = "car") -> Definition:
    return Definition(scenario="trip", steps=steps, closing_topic=closing_topic, closed_by=closed_by)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        pytest.param(lambda: define(), "at least one step", id="no step"),
        pytest.param(lambda: define(BOOK, Step(name="book", service="b", topic="b")), "same name", id="a name twice"),
        pytest.param(
            lambda: define(BOOK, Step(name="b", service="b", topic="book-car")), "share a topic", id="a topic"
        ),
        pytest.param(lambda: define(BOOK, closing_topic="book-car"), "share a topic", id="the closing topic twice"),
        pytest.param(lambda: define(BOOK, PAY, closed_by="bank"), "ends where it began", id="closed by another"),
        pytest.param(
            lambda: define(Step(name="close", service="car", topic="t")), "can be called", id="a step 'close'"
        ),
    ],
)
def test_a_mistaken_definition_is_refused(mistake: type, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        mistake()


def test_a_definition_knows_where_it_opens() -> None:
    assert define(BOOK, PAY).opening_topic == "book-car"


def test_a_step_is_followed_by_the_next_and_the_last_by_none() -> None:
    trip = define(BOOK, PAY)
    assert (trip.step_after("book"), trip.step_after("pay")) == (PAY, None)


@pytest.mark.parametrize(("step", "names"), [("book", ()), ("pay", ("book",)), (None, ("book", "pay"))], ids=str)
def test_before_a_step_come_all_earlier_ones(step: str | None, names: tuple[str, ...]) -> None:
    assert define(BOOK, PAY).names_before(step) == names


@pytest.mark.parametrize("ask", [ONBOARDING.step, ONBOARDING.step_after, ONBOARDING.names_before])
def test_an_unknown_step_rejects_the_message(ask: type) -> None:
    with pytest.raises(MessageRejected, match="no step 'fly'"):
        ask("fly")


def test_an_unknown_scenario_rejects_the_message() -> None:
    with pytest.raises(MessageRejected, match="unknown scenario 'moon-shot'"):
        definition_of("moon-shot")


def test_each_definition_is_found_by_its_name() -> None:
    assert [definition_of(name).scenario for name in DEFINITIONS] == list(DEFINITIONS)


def test_each_saga_topic_is_read_by_exactly_one_service() -> None:
    assert len(set(SAGA_TOPICS)) == len(SAGA_TOPICS)
    assert TOPICS_BY_SERVICE == {
        "provisioner": ("new-user", "notified"),
        "authorizer": ("authorize",),
        "notifier": ("notify",),
    }
    assert tuple(TOPICS_BY_SERVICE) == SERVICES


def test_what_must_arrive_in_the_order_it_was_said_has_one_partition() -> None:
    counts = partitions_by_topic(6)
    assert {topic for topic, count in counts.items() if count == 1} == {"heartbeat", "control"}
    assert {topic for topic, count in counts.items() if count == 6} == {*SAGA_TOPICS, "trace", "dead-letter"}
