"""Who hears what next, and which messages are not where they belong."""

from dataclasses import replace
from typing import Any

import pytest

from saga import routing
from saga.definitions import CHOREOGRAPHY, ONBOARDING
from saga.errors import MessageRejected
from saga.messages import SagaMessage
from tests.factories import ADA, RESULTS, home_of, request


def test_a_saga_opens_with_its_first_step() -> None:
    topic, message = routing.opening(ONBOARDING, saga_id="saga-1", style=CHOREOGRAPHY, user=ADA)
    assert (topic, message) == ("new-user", request("provision"))


@pytest.mark.parametrize(
    ("done", "topic", "following"),
    [("provision", "authorize", "authorize"), ("authorize", "notify", "notify"), ("notify", "notified", None)],
)
def test_a_success_asks_the_next_service(done: str, topic: str, following: str | None) -> None:
    assert routing.after_success(request(done), RESULTS[done]) == (topic, request(following))


def test_what_an_earlier_step_achieved_travels_along() -> None:
    _, message = routing.after_success(request("authorize"), {"authorizations": ["mail"]})
    assert message.results == {"provision": RESULTS["provision"], "authorize": {"authorizations": ["mail"]}}


def test_a_request_is_left_as_it_was() -> None:
    message = request("authorize")
    routing.after_success(message, {"authorizations": ["mail"]})
    assert message == request("authorize")


def test_a_closed_saga_goes_nowhere() -> None:
    with pytest.raises(MessageRejected, match="goes nowhere"):
        routing.after_success(request(None), {})


@pytest.mark.parametrize("step", ["provision", "authorize", "notify", None])
def test_a_message_is_accepted_where_it_belongs(step: str | None) -> None:
    routing.check_addressed(request(step), topic=home_of(request(step)), key=b"saga-1")


@pytest.mark.parametrize(
    ("message", "address", "reason"),
    [
        pytest.param(request(), {"topic": "authorize"}, "belongs on topic 'new-user'", id="wrong topic"),
        pytest.param(
            request(None), {"topic": "new-user"}, "belongs on topic 'notified'", id="closing on the first topic"
        ),
        pytest.param(request(), {"key": b"saga-2"}, "key is not its saga id", id="wrong key"),
        pytest.param(request(), {"key": None}, "key is not its saga id", id="no key"),
        pytest.param(request(scenario="moon-shot"), {}, "unknown scenario", id="unknown scenario"),
        pytest.param(request(style="telepathy"), {}, "unknown style", id="unknown style"),
        pytest.param(replace(request(), step="fly"), {}, "no step 'fly'", id="unknown step"),
        pytest.param(replace(request(), step=""), {}, "no step ''", id="empty step"),
        pytest.param(request("notify", results={}), {}, "missing: provision, authorize", id="no earlier results"),
        pytest.param(
            request("notify", results={"provision": {}}), {}, "missing: authorize", id="one earlier result lacking"
        ),
        pytest.param(request(None, results={}), {}, "missing: provision, authorize, notify", id="closed too early"),
    ],
)
def test_a_message_that_does_not_belong_is_rejected(message: SagaMessage, address: dict[str, Any], reason: str) -> None:
    with pytest.raises(MessageRejected, match=reason):
        routing.check_addressed(message, **({"topic": "new-user", "key": b"saga-1"} | address))
