"""What is on the wire is a CloudEvent, and what is read from it is the message that was written."""

import json
from datetime import datetime

import pytest
from hypothesis import given, settings

from saga import wire
from saga.messages import Action, Kind, Outcome, SagaMessage
from tests.support.sagas.factories import AT, command, event, outgoing, reply, request, trace
from tests.support.sagas.messages import MESSAGES, VALID, messages


@settings(max_examples=40)
@given(messages)
def test_what_is_encoded_is_decoded_as_it_was(message: wire.Payload) -> None:
    sent = wire.encode(message, topic="anywhere", source="test", at=AT)
    assert wire.decode(type(message), sent.value) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_encoded_is_a_cloud_event(message: wire.Payload) -> None:
    sent = wire.encode(message, topic="anywhere", source="test", at=AT)
    found = json.loads(sent.value)
    assert found["specversion"] == "1.0"
    assert all(isinstance(found[name], str) and found[name] for name in ("id", "source", "type", "subject"))
    assert datetime.fromisoformat(found["time"]).utcoffset() is not None
    assert found["datacontenttype"] == "application/json"
    assert all(name.isalnum() and name.islower() for name in found)
    assert dict(sent.headers)["content-type"] == b"application/cloudevents+json; charset=utf-8"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_the_key_is_what_the_message_is_about(message: wire.Payload) -> None:
    assert outgoing(message).key == message.subject.encode()


def test_the_same_thing_said_twice_has_the_same_id() -> None:
    said = [trace(event(Kind.RECEIVED), event(Kind.SUCCEEDED, at=at)) for at in (AT, "2026-01-01T00:00:09Z")]
    assert {message.id for message in said} == {"saga-1.trace.provision.received+provision.succeeded"}
    assert (request("notify").id, request(None).id) == ("saga-1.notify.do", "saga-1.saga.do")
    assert reply(command("car"), Outcome.DONE).id == "saga-1.car.do.done"


def test_what_is_not_the_same_has_another_id() -> None:
    said = [request(), request(action=Action.UNDO), request("authorize"), request(saga_id="saga-2")]
    asked = command("car", action=Action.UNDO)
    said += [reply(asked, Outcome.UNDONE), reply(command("car"), Outcome.DONE), reply(command("car"), Outcome.FAILED)]
    said += [trace(one) for one in (event(), event(attempt=2), event(action=Action.UNDO), event(Kind.FAILED))]
    assert len({message.id for message in said}) == len(said)


def test_a_message_as_deep_as_can_be_read_can_be_passed_on() -> None:
    value = VALID[SagaMessage].replace(b'"results":{}', b'"results":{"a":{"b":%b}}' % (b"[" * 190 + b"]" * 190))
    message = wire.decode(SagaMessage, value)
    assert wire.decode(SagaMessage, outgoing(message).value) == message


def test_extensions_of_others_are_ignored() -> None:
    found = json.loads(VALID[SagaMessage]) | {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    assert wire.decode(SagaMessage, json.dumps(found)) == request()


@pytest.mark.parametrize("text", [r"\u0000", r"\\u0000", "u0000"])
def test_what_only_looks_like_a_nul_character_is_passed_on(text: str) -> None:
    message = request(results={"car": {"said": text}})
    assert wire.decode(SagaMessage, outgoing(message).value) == message
