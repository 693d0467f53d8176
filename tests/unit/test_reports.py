"""What a service says about its work is bounded, whatever it was sent, and can be read by those it is said to."""

from random import Random

import pytest

from saga import reports, wire
from saga.bus import Place, Record
from saga.messages import DeadLetter, Kind, SagaMessage, Trace
from tests.support.sagas.factories import AT, event, outgoing, record, request

ABOUT = {"service": "provisioner", "attempt": 1, "at": AT}
HEADERS = tuple((f"\x00\x01{number}" * 200, b"\x01\xff" * 1_000) for number in range(1_000))


def fattened(size: int) -> Record:
    """Return a valid message of about `size` bytes, each of which takes two when it is quoted, with such headers."""
    message = request(results={"x": {"y": '"' * (size // 2)}})
    return record(outgoing(message).value, headers=HEADERS)


def test_an_event_tells_which_message_was_read() -> None:
    read = record(b"{}", topic="notify", partition=3, offset=17, key=b"saga-1", headers=(("a", b"b"),))
    said = reports.on_record(Kind.RECEIVED, read, request("notify"), **ABOUT)
    assert (said.topic, said.partition, said.offset, said.key) == ("notify", 3, 17, "saga-1")
    assert (said.payload, said.headers, said.step, said.hop) == ("{}", {"a": "b"}, "notify", 2)


def test_an_event_tells_which_message_was_written_and_where_it_stands() -> None:
    message, onward = request("provision"), request("authorize")
    sent = outgoing(onward)
    said = reports.placed(reports.on_outgoing(Kind.SUCCEEDED, sent, message, **ABOUT), Place("authorize", 2, 5))
    assert (said.topic, said.partition, said.offset, said.key) == ("authorize", 2, 5, "saga-1")
    assert wire.decode(SagaMessage, said.payload) == onward
    assert (said.step, said.hop) == ("provision", 0)


def test_each_saga_gets_one_trace_with_its_events_in_order() -> None:
    first, second = request(saga_id="saga-1"), request(saga_id="saga-2")
    received, succeeded = event(Kind.RECEIVED), event(Kind.SUCCEEDED)
    traces = reports.by_saga([(first, received), (second, received), (first, succeeded)])
    assert [(said.saga_id, said.events) for said in traces] == [
        ("saga-1", (received, succeeded)),
        ("saga-2", (received,)),
    ]


def test_a_message_that_came_a_hundred_times_at_once_is_reported_once() -> None:
    [said] = reports.by_saga([(request(), event(offset=offset)) for offset in range(100)])
    assert [one.offset for one in said.events] == [0]
    assert wire.decode(Trace, outgoing(said).value) == said


def test_a_trace_can_be_read_however_large_its_messages_were() -> None:
    read = fattened(wire.MAX_BYTES - 1_000)
    message = wire.decode(SagaMessage, read.value)
    received = reports.on_record(Kind.RECEIVED, read, message, **ABOUT)
    succeeded = reports.on_record(Kind.SUCCEEDED, read, message, **ABOUT)
    [said] = reports.by_saga([(message, received), (message, succeeded)])
    assert wire.decode(Trace, outgoing(said).value) == said


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param({"value": None, "key": None}, id="nothing"),
        pytest.param({"value": Random(1).randbytes(900_000), "key": Random(2).randbytes(900_000)}, id="noise"),
        pytest.param({"value": b"\x00" * 900_000, "key": b"\x01" * 900_000}, id="control characters"),
        pytest.param({"value": "😀".encode() * 200_000, "key": b'"' * 900_000}, id="long text"),
    ],
)
def test_a_dead_letter_can_be_read_whatever_it_is_about(damaged: dict[str, bytes | None]) -> None:
    letter = reports.dead_letter(record(**damaged), service="notifier", reason="\x01" * 300_000, at=AT)
    assert wire.decode(DeadLetter, outgoing(letter).value) == letter


def test_a_dead_letter_tells_where_the_message_was_and_shows_it() -> None:
    read = record(b"hello \xff\x00", topic="notify", partition=3, offset=17, key=b"\xfe", written_at=99)
    letter = reports.dead_letter(read, service="notifier", reason="no JSON", at=AT)
    assert (letter.id, letter.key, letter.value) == ("notify.3.17.99", "\\xfe", "hello \\xff\\x00")


@pytest.mark.parametrize(("value", "shown"), [(None, None), (b"", "")], ids=["a tombstone", "an empty message"])
def test_a_dead_letter_tells_no_message_from_an_empty_one(value: bytes | None, shown: str | None) -> None:
    letter = reports.dead_letter(record(value), service="notifier", reason="empty", at=AT)
    assert letter.value == shown


def test_a_shortened_text_ends_with_a_whole_character() -> None:
    letter = reports.dead_letter(record("aé😀".encode() * 10_000), service="notifier", reason="long", at=AT)
    assert letter.value == ("aé😀" * 10_000)[: reports.MAX_CHARS]
