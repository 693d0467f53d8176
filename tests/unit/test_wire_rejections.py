"""What comes from the wire and is no message is rejected with a reason, and breaks nothing."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saga import wire
from saga.errors import MessageRejected
from saga.messages import DeadLetter, Reply, SagaMessage, Trace
from saga.steering import Control, Forget
from tests.support.sagas.factories import outgoing, request
from tests.support.sagas.messages import EVENTS, KINDS, VALID, json_values


@given(st.binary(max_size=300), st.sampled_from(KINDS))
def test_foreign_bytes_are_rejected(value: bytes, kind: type[wire.Payload]) -> None:
    with pytest.raises(MessageRejected):
        wire.decode(kind, value)


@settings(max_examples=60)
@given(st.sampled_from(KINDS), st.data())
def test_a_damaged_message_is_decoded_or_rejected(kind: type[wire.Payload], data: st.DataObject) -> None:
    value = VALID[kind]
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, min(len(value), start + 20)))
    assert _is_decoded_or_rejected(kind, value[:start] + data.draw(st.binary(max_size=10)) + value[end:])


@settings(max_examples=60)
@given(st.sampled_from(KINDS), st.data())
@example(SagaMessage, None)
def test_a_message_with_any_one_value_changed_is_decoded_or_rejected(
    kind: type[wire.Payload], data: st.DataObject | None
) -> None:
    found = json.loads(VALID[kind])
    if data:
        place = data.draw(st.sampled_from([found, found["data"]]))
        place[data.draw(st.sampled_from([*place, "another"]))] = data.draw(json_values)
    assert _is_decoded_or_rejected(kind, json.dumps(found).encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"type": "workshop.saga.message.v2"}, "'workshop.saga.message.v2'", id="future version"),
        pytest.param({"type": "workshop.saga.trace.v1"}, "'workshop.saga.trace.v1'", id="another type"),
        pytest.param({"type": ["x"] * 1000}, "is not 'workshop.saga.message.v1'", id="a list for a type"),
        pytest.param({"specversion": "2.0"}, "CloudEvents '2.0'", id="future CloudEvents"),
        pytest.param({"subject": None}, "^subject: ", id="no subject"),
        pytest.param({"data": None}, "^data: ", id="no data"),
        pytest.param({"id": ""}, "^id: ", id="empty id"),
        pytest.param({"source": ""}, "^source: ", id="empty source"),
    ],
)
def test_another_envelope_is_rejected(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(MessageRejected, match=reason):
        wire.decode(SagaMessage, json.dumps(json.loads(VALID[SagaMessage]) | change).encode())


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        pytest.param(SagaMessage, {"admin": True}, "data.admin", id="a further field"),
        pytest.param(
            SagaMessage, {"user": {"name": "Ada", "department": "X", "admin": 1}}, "data.user.admin", id="inner"
        ),
        pytest.param(SagaMessage, {"user": {"name": "", "department": "X"}}, "data.user.name", id="empty name"),
        pytest.param(SagaMessage, {"user": {"name": "A" * 101, "department": "X"}}, "data.user.name", id="long name"),
        pytest.param(SagaMessage, {"hop": "0"}, "data.hop", id="text for a number"),
        pytest.param(SagaMessage, {"hop": True}, "data.hop", id="truth for a number"),
        pytest.param(SagaMessage, {"hop": -1}, "data.hop", id="negative"),
        pytest.param(SagaMessage, {"hop": 2**31}, "data.hop", id="a number no database holds"),
        pytest.param(SagaMessage, {"saga_id": ""}, "data.saga_id", id="empty saga id"),
        pytest.param(SagaMessage, {"saga_id": "a\nBcc: b@example.com"}, "data.saga_id", id="a header in a saga id"),
        pytest.param(SagaMessage, {"saga_id": "a\n"}, "data.saga_id", id="a line end in a saga id"),
        pytest.param(SagaMessage, {"saga_id": "../a"}, "data.saga_id", id="a path in a saga id"),
        pytest.param(SagaMessage, {"saga_id": "a" * 37}, "data.saga_id", id="long saga id"),
        pytest.param(SagaMessage, {"results": {"provision": 1}}, "data.results.provision", id="result no object"),
        pytest.param(SagaMessage, {"action": "redo"}, "data.action", id="an unknown action"),
        pytest.param(SagaMessage, {"round": 0}, "data.round", id="no round"),
        pytest.param(SagaMessage, {"round": 2**31}, "data.round", id="a round no database holds"),
        pytest.param(SagaMessage, {"reason": "x" * 501}, "data.reason", id="a long reason"),
        pytest.param(
            SagaMessage, {"faults": {"notify": {"failures": 0}}}, "data.faults.notify.failures", id="no failure"
        ),
        pytest.param(
            SagaMessage,
            {"faults": {"notify": {"failures": 1001}}},
            "data.faults.notify.failures",
            id="endless failures",
        ),
        pytest.param(SagaMessage, {"faults": {"notify": {"error": ""}}}, "data.faults.notify.error", id="no words"),
        pytest.param(
            SagaMessage, {"faults": {"notify": {"error": "x" * 201}}}, "data.faults.notify.error", id="too many words"
        ),
        pytest.param(Reply, {"outcome": "maybe"}, "data.outcome", id="an unknown outcome"),
        pytest.param(Reply, {"round": 0}, "data.round", id="a reply of no round"),
        pytest.param(Reply, {"round": 2**31}, "data.round", id="a reply of a round no database holds"),
        pytest.param(Reply, {"reason": "x" * 501}, "data.reason", id="a long reason of a reply"),
        pytest.param(Control, {"faults": {"fail_rate": 1.1}}, "data.faults.fail_rate", id="more than always"),
        pytest.param(Control, {"faults": {"fail_rate": -0.1}}, "data.faults.fail_rate", id="less than never"),
        pytest.param(Control, {"faults": {"delay_ms": 60_001}}, "data.faults.delay_ms", id="a delay without end"),
        pytest.param(Control, {"faults": {"delay_ms": -1}}, "data.faults.delay_ms", id="too early"),
        pytest.param(Control, {"faults": {"seed": 2**31}}, "data.faults.seed", id="a seed no database holds"),
        pytest.param(Control, {"faults": {"seed": -1}}, "data.faults.seed", id="a negative seed"),
        pytest.param(Control, {"order": {"instance": "a", "fail_next": 0}}, "data.order.fail_next", id="to fail never"),
        pytest.param(Control, {"order": {"instance": "a", "fail_next": 1001}}, "data.order.fail_next", id="for ever"),
        pytest.param(Control, {"order": {"instance": "a", "crash_at": "noon"}}, "data.order.crash_at", id="instant"),
        pytest.param(Trace, {"events": []}, "data.events", id="no event"),
        pytest.param(Trace, {"events": EVENTS * 21}, "data.events", id="more than anybody says at once"),
        pytest.param(DeadLetter, {"offset": 2**63}, "data.offset", id="an offset no log has"),
        pytest.param(DeadLetter, {"offset": -1}, "data.offset", id="an offset before the first"),
        pytest.param(DeadLetter, {"topic": "t" * 250}, "data.topic", id="a topic no broker has"),
        pytest.param(DeadLetter, {"at": "yesterday"}, "data.at", id="no time"),
        pytest.param(DeadLetter, {"at": "2026-02-31T25:00:00Z"}, "data.at", id="a time that never was"),
        pytest.param(DeadLetter, {"at": "2026-01-01T00:00:00+01:00"}, "data.at", id="a time of another zone"),
        pytest.param(DeadLetter, {"at": "2026-01-01T00:00:00.0000001Z"}, "data.at", id="a time no database holds"),
        pytest.param(Control, {"lag_ms": [-5, 0]}, "data.lag_ms.0", id="negative lag"),
        pytest.param(Control, {"lag_ms": [0, 600_001]}, "data.lag_ms.1", id="a lag that nobody may ask for"),
        pytest.param(Control, {"lag_ms": [0, 10**400]}, "data.lag_ms.1", id="endless lag"),
        pytest.param(Control, {"running": "no"}, "data.running", id="text for a truth"),
        pytest.param(Forget, {"saga_ids": []}, "data.saga_ids", id="nothing to forget"),
        pytest.param(Forget, {"saga_ids": ["saga-1"] * 1001}, "data.saga_ids", id="more than is forgotten at once"),
    ],
)
def test_data_of_another_shape_is_rejected(kind: type[wire.Payload], change: dict[str, Any], reason: str) -> None:
    found = json.loads(VALID[kind])
    found["data"] |= change
    with pytest.raises(MessageRejected, match=f"^{reason}: "):
        wire.decode(kind, json.dumps(found).encode())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, "empty", id="tombstone"),
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"hello", "not a JSON object", id="no JSON"),
        pytest.param(b"[1]", "not a JSON object", id="a list"),
        pytest.param(b"\xff\xfe", "not a JSON object", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "not a JSON object", id="depth"),
        pytest.param(b'{"a":' * 1_000 + b"1" + b"}" * 1_000, "not a JSON object", id="depth of objects"),
        pytest.param(b'{"type":' + b"9" * 5_000 + b"}", "not a JSON object", id="a number without end"),
        pytest.param(b" " * (wire.MAX_BYTES + 1), f"has {wire.MAX_BYTES + 1} bytes", id="too long"),
        pytest.param(VALID[SagaMessage].replace(b"Ada", b"\\ud800"), "^Invalid JSON", id="half a character"),
        pytest.param(VALID[SagaMessage].replace(b"Ada", b"\xe9da"), "not a JSON object", id="Latin-1"),
    ],
)
def test_bytes_that_are_no_message_are_rejected(value: bytes | None, reason: str) -> None:
    with pytest.raises(MessageRejected, match=reason):
        wire.decode(SagaMessage, value)


@pytest.mark.parametrize("depth", [180, 250, 900, 980, 985, 990, 995, 1000, 1500])
def test_no_depth_breaks_the_reader(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    assert _is_decoded_or_rejected(SagaMessage, b'{"type":' + nested + b"}")
    assert _is_decoded_or_rejected(
        SagaMessage, VALID[SagaMessage].replace(b'"results":{}', b'"results":{"a":{"b":%b}}' % nested)
    )


def _is_decoded_or_rejected(kind: type[wire.Payload], value: bytes) -> bool:
    try:
        return isinstance(wire.decode(kind, value), kind)
    except MessageRejected as rejection:
        return bool(str(rejection))


@pytest.mark.parametrize("text", ["\x00", "Zoë \x00", "\\\x00", "\x00" * 9])
@pytest.mark.parametrize("as_text", [False, True], ids=["bytes", "text"])
def test_a_nul_character_is_rejected_wherever_it_stands(text: str, as_text: bool) -> None:
    value = outgoing(request(results={"car": {"deep": [text]}})).value
    with pytest.raises(MessageRejected, match="NUL"):
        wire.decode(SagaMessage, value.decode() if as_text else value)


def test_what_is_said_of_a_nul_character_in_a_name_holds_none() -> None:
    value = VALID[SagaMessage].replace(b'"data":{', b'"data":{"a\\u0000b":1,')
    assert value != VALID[SagaMessage]
    with pytest.raises(MessageRejected) as rejection:
        wire.decode(SagaMessage, value)
    assert "\x00" not in str(rejection.value)
