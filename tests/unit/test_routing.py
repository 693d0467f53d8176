"""Who hears what next, in either style and direction, and which messages are not where they belong."""

from dataclasses import replace
from typing import Any

import pytest

from saga import routing
from saga.definitions import CHOREOGRAPHY, DEFINITIONS, ONBOARDING, ORCHESTRATION, TRIP
from saga.errors import MessageRejected
from saga.messages import Action, Outcome, Reply, SagaMessage, StepFault
from saga.participation import Status
from saga.routing import End, Routed
from tests.support.sagas.factories import ADA, RESULTS, attempt, command, entry, request, undo

NOT_UNDONE = [Status.UNDOING, Status.STUCK]


@pytest.fixture
def compensates_failed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINITIONS, "onboarding", replace(ONBOARDING, compensates_failed_step=True))


def routed(message: SagaMessage, status: Status, **row: Any) -> Routed:
    """Return where it goes; to nobody is a failure."""
    onward = routing.after(message, entry(status, message.step, **row))
    assert isinstance(onward, Routed)
    return onward


def replied(message: SagaMessage, status: Status, **row: Any) -> Reply:
    topic, said = routed(message, status, **row)
    assert topic == "replies"
    assert isinstance(said, Reply)
    return said


def test_a_choreographed_saga_opens_with_its_first_step() -> None:
    opening = routing.opening(ONBOARDING, saga_id="saga-1", style=CHOREOGRAPHY, user=ADA)
    assert (routing.home_of(opening), opening) == ("new-user", request("provision"))


def test_an_orchestrated_saga_opens_with_the_coordinator() -> None:
    opening = routing.opening(TRIP, saga_id="saga-1", style=ORCHESTRATION, user=ADA)
    assert (routing.home_of(opening), opening) == ("sagas", request(None, scenario="trip", results={}, hop=0))


@pytest.mark.parametrize(("style", "topic"), [(CHOREOGRAPHY, "roll-back"), (ORCHESTRATION, "sagas")])
def test_a_roll_back_goes_to_whoever_ends_the_saga(style: str, topic: str) -> None:
    start = routing.opening(ONBOARDING, saga_id="saga-1", style=style, user=ADA, round=2)
    back = routing.rolling_back(start, hop=9, reason="no more need")
    assert routing.home_of(back) == topic
    assert back == replace(start, step=None, action=Action.UNDO, hop=9, reason="no more need")


@pytest.mark.parametrize("style", [CHOREOGRAPHY, ORCHESTRATION])
def test_what_a_person_undid_by_hand_is_told_to_the_service_whose_step_it_is(style: str) -> None:
    start = routing.opening(ONBOARDING, saga_id="saga-1", style=style, user=ADA, round=3)
    message = routing.resolving(start, "authorize", hop=9, reason="revoked by Kim")
    assert (routing.home_of(message), message.step, message.action, message.by_hand) == (
        "undo-authorize",
        "authorize",
        "undo",
        True,
    )
    assert (message.hop, message.round, message.reason) == (9, 3, "revoked by Kim")


@pytest.mark.parametrize("style", [CHOREOGRAPHY, ORCHESTRATION])
@pytest.mark.parametrize(
    ("message", "status"),
    [
        pytest.param(request("authorize"), Status.TRYING, id="it is tried again later"),
        *[pytest.param(undo("authorize"), status, id=f"the compensation is {status}") for status in NOT_UNDONE],
    ],
)
def test_as_long_as_nothing_is_decided_nobody_is_told(style: str, message: SagaMessage, status: Status) -> None:
    assert routing.after(replace(message, style=style), entry(status, "authorize")) is None


class TestForward:
    @pytest.mark.parametrize(
        ("done", "topic", "following"),
        [("provision", "authorize", "authorize"), ("authorize", "notify", "notify"), ("notify", "notified", None)],
    )
    def test_a_success_asks_the_next_service(self, done: str, topic: str, following: str | None) -> None:
        assert routed(request(done), Status.DONE) == (topic, request(following))

    def test_what_an_earlier_step_achieved_travels_along(self) -> None:
        _, message = routed(request("authorize"), Status.DONE, result={"authorizations": ["mail"]})
        assert message.results == {"provision": RESULTS["provision"], "authorize": {"authorizations": ["mail"]}}

    def test_the_round_and_the_faults_asked_for_travel_along(self) -> None:
        faults = {"notify": StepFault(failures=2)}
        _, message = routed(request("authorize", round=3, faults=faults), Status.DONE)
        assert (message.round, message.faults) == (3, faults)

    def test_a_message_is_left_as_it_was(self) -> None:
        message = request("authorize")
        routed(message, Status.DONE)
        assert message == request("authorize")

    def test_the_closing_ends_the_saga(self) -> None:
        assert routing.after(request(None), entry(Status.DONE, None)) is End.COMPLETED

    def test_a_closing_that_was_refused_tells_nobody_as_the_roll_back_is_on_its_way(self) -> None:
        assert routing.after(request(None), entry(Status.REFUSED, None)) is None


class TestBackward:
    def test_a_failure_travels_back_to_the_service_before(self) -> None:
        topic, message = routed(request("authorize"), Status.FAILED)
        assert (topic, message.step, message.action) == ("undo-provision", "provision", "undo")
        assert (message.hop, message.reason) == (request("authorize").hop + 1, "no route")

    def test_a_failure_of_the_first_step_ends_the_saga(self) -> None:
        assert routing.after(request("provision"), entry(Status.FAILED)) is End.COMPENSATED

    @pytest.mark.usefixtures("compensates_failed_step")
    @pytest.mark.parametrize("step", ["provision", "authorize"])
    def test_where_the_definition_says_so_the_step_that_failed_is_undone_first(self, step: str) -> None:
        topic, message = routed(request(step), Status.FAILED)
        assert (topic, message.step, message.action) == (f"undo-{step}", step, "undo")

    @pytest.mark.parametrize("status", [Status.REFUSED, Status.UNDONE, Status.UNDOING, Status.STUCK])
    def test_a_step_that_is_not_done_any_more_sends_the_saga_back_through_itself(self, status: Status) -> None:
        topic, message = routed(request("authorize"), status)
        assert (topic, message.step, message.action) == ("undo-authorize", "authorize", "undo")

    @pytest.mark.parametrize("status", [Status.UNDONE, Status.REFUSED, Status.FAILED])
    def test_what_is_undone_lets_the_service_before_undo_its_step(self, status: Status) -> None:
        topic, message = routed(undo("notify", hop=5), status)
        assert (topic, message) == ("undo-authorize", undo("authorize", hop=6, results=message.results))

    def test_when_the_first_step_is_undone_the_saga_ends(self) -> None:
        assert routing.after(undo("provision"), entry(Status.UNDONE)) is End.COMPENSATED

    def test_the_reason_stays_that_of_the_first_failure(self) -> None:
        _, message = routed(undo("notify", reason="the office burned down"), Status.UNDONE)
        assert message.reason == "the office burned down"

    def test_the_word_of_a_person_counts_for_one_step_only(self) -> None:
        _, message = routed(undo("notify", by_hand=True), Status.UNDONE)
        assert not message.by_hand

    def test_a_roll_back_from_the_end_begins_with_the_last_step(self) -> None:
        topic, message = routed(undo(None), Status.REFUSED)
        assert (topic, message.step, message.action) == ("undo-notify", "notify", "undo")

    def test_what_is_closed_stays_closed(self) -> None:
        assert routing.after(undo(None), entry(Status.DONE, None)) is End.COMPLETED


class TestToTheCoordinator:
    @pytest.mark.parametrize(
        ("message", "status", "outcome"),
        [
            pytest.param(command("car"), Status.DONE, Outcome.DONE, id="done"),
            pytest.param(command("car"), Status.FAILED, Outcome.FAILED, id="failed"),
            pytest.param(command("car"), Status.REFUSED, Outcome.FAILED, id="refused, as the compensation came first"),
            pytest.param(command("car"), Status.UNDONE, Outcome.FAILED, id="undone meanwhile"),
            pytest.param(command("car", action=Action.UNDO), Status.UNDONE, Outcome.UNDONE, id="undone"),
            pytest.param(command("car", action=Action.UNDO), Status.REFUSED, Outcome.UNDONE, id="will never be done"),
            pytest.param(command("car", action=Action.UNDO), Status.FAILED, Outcome.UNDONE, id="nothing to undo"),
        ],
    )
    def test_a_participant_replies_what_became_of_its_step(
        self, message: SagaMessage, status: Status, outcome: Outcome
    ) -> None:
        said = replied(message, status)
        assert (said.step, said.action, said.outcome) == ("car", message.action, outcome)
        assert (said.saga_id, said.hop, said.round) == ("saga-1", message.hop + 1, message.round)

    def test_a_reply_carries_what_was_achieved(self) -> None:
        said = replied(command("car"), Status.DONE)
        assert (said.result, said.reason) == (RESULTS["car"], None)

    def test_a_reply_carries_why_it_failed_at_last(self) -> None:
        attempts = (attempt(1, error="no answer"), attempt(2, error="no cars left", next_at=None))
        assert replied(command("car"), Status.FAILED, attempts=attempts).reason == "no cars left"

    def test_a_reply_to_an_undo_says_why_it_was_asked_for(self) -> None:
        asked = command("car", action=Action.UNDO, reason="the hotel is full")
        assert replied(asked, Status.UNDONE).reason == "the hotel is full"

    def test_a_reply_names_the_round_of_the_command(self) -> None:
        assert replied(command("car", round=4), Status.DONE).round == 4


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        pytest.param(request("provision"), "new-user", id="the first step"),
        pytest.param(request("notify"), "notify", id="the last step"),
        pytest.param(request(None), "notified", id="the closing"),
        pytest.param(undo("authorize"), "undo-authorize", id="an undo"),
        pytest.param(undo("authorize", results={}), "undo-authorize", id="an undo without results"),
        pytest.param(undo(None, results={}), "roll-back", id="a roll-back"),
        pytest.param(command("notify", scenario="onboarding"), "notify", id="a command in a scenario of both styles"),
        pytest.param(command("hotel"), "hotel", id="a command"),
        pytest.param(command("hotel", action=Action.UNDO), "hotel", id="a command to undo"),
        pytest.param(command("plane", scenario="package"), "flight", id="a command of another name than its topic"),
        pytest.param(request(None, scenario="trip", results={}), "sagas", id="a saga to coordinate"),
        pytest.param(undo(None, scenario="trip", results={}), "sagas", id="a coordinated saga to roll back"),
    ],
)
def test_a_message_is_accepted_where_it_belongs(message: SagaMessage, topic: str) -> None:
    routing.check_addressed(message, topic=topic, key=b"saga-1")


@pytest.mark.parametrize(
    ("message", "address", "reason"),
    [
        pytest.param(request(), {"topic": "authorize"}, "belongs on topic 'new-user'", id="wrong topic"),
        pytest.param(undo(), {}, "belongs on topic 'undo-provision'", id="an undo on the topic of its step"),
        pytest.param(request(None), {}, "belongs on topic 'notified'", id="closing on the first topic"),
        pytest.param(undo(None), {}, "belongs on topic 'roll-back'", id="roll-back on the first topic"),
        pytest.param(request(None, scenario="trip"), {}, "belongs on topic 'sagas'", id="a trip without coordinator"),
        pytest.param(request(), {"key": b"saga-2"}, "key is not its saga id", id="wrong key"),
        pytest.param(request(), {"key": None}, "key is not its saga id", id="no key"),
        pytest.param(request(scenario="moon-shot"), {}, "unknown scenario", id="unknown scenario"),
        pytest.param(request(style="telepathy"), {}, "no style 'telepathy'", id="unknown style"),
        pytest.param(
            request("car", scenario="trip", style=CHOREOGRAPHY), {}, "no style 'choreography'", id="a style it lacks"
        ),
        pytest.param(replace(request(), step="fly"), {}, "no step 'fly'", id="unknown step"),
        pytest.param(replace(request(), step=""), {}, "no step ''", id="empty step"),
        pytest.param(replace(undo(), step="fly"), {}, "no step 'fly'", id="an unknown step to undo"),
        pytest.param(request("notify", results={}), {}, "missing: provision, authorize", id="no earlier results"),
        pytest.param(
            request("notify", results={"provision": {}}), {}, "missing: authorize", id="one earlier result lacking"
        ),
        pytest.param(request(None, results={}), {}, "missing: provision, authorize, notify", id="closed too early"),
        pytest.param(command("flight", results={}), {}, "missing: car, hotel", id="a command too early"),
    ],
)
def test_a_message_that_does_not_belong_is_rejected(message: SagaMessage, address: dict[str, Any], reason: str) -> None:
    with pytest.raises(MessageRejected, match=reason):
        routing.check_addressed(message, **({"topic": "new-user", "key": b"saga-1"} | address))
