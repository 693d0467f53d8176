"""One trace from the click to the end: in every message, whichever way the saga goes."""

import json
import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga import tracing
from saga.bus import Outgoing
from saga.definitions import CHOREOGRAPHY, DEFINITIONS, ORCHESTRATION
from saga.messages import Action, StepFault, User
from saga.routing import home_of, opening
from saga.topics import SAGA_TOPICS, SERVICES, TRACE
from tests.support.sagas.factories import control, heartbeat, outgoing, request
from tests.support.services.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=SERVICES)

SOMEBODYS = "4bf92f3577b34da6a3ce929d0e0e4736"
WELL_FORMED = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")
ROADS = {
    "choreographed": ("onboarding", CHOREOGRAPHY, {}),
    "choreographed, and undone": ("onboarding", CHOREOGRAPHY, {"authorize": StepFault()}),
    "orchestrated": ("onboarding", ORCHESTRATION, {}),
    "orchestrated, and undone": ("package", ORCHESTRATION, {"hotel": StepFault()}),
}


def header_of(message: object) -> str:
    return dict(outgoing(message).headers)[tracing.HEADER].decode()


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=digits, max_size=digits)


HEADERS = st.tuples(
    hexadecimal(2).filter(lambda version: version != "ff"), hexadecimal(32), hexadecimal(16), hexadecimal(2)
).map("-".join)


@given(HEADERS | st.tuples(HEADERS, st.just("-"), st.text("x-0", max_size=5)).map("".join))
def test_of_a_well_formed_header_the_trace_is_taken_on(header: str) -> None:
    trace_id, parent = header[3:35], header[36:52]
    is_valid = int(trace_id, 16) and int(parent, 16) and (len(header) == 55 or not header.startswith("00"))
    assert tracing.trace_id_in(header) == (trace_id if is_valid else None)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"00-{SOMEBODYS.upper()}-00f067aa0ba902b7-01",
        f"ff-{SOMEBODYS}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{SOMEBODYS}-{'0' * 16}-01",
        f"00-{SOMEBODYS}-00f067aa0ba902b7-01-more",
        f"00-{SOMEBODYS}-00f067aa0ba902b7",
        f"00-{SOMEBODYS}-00f067aa0ba902b7-011",
        f"00-{SOMEBODYS}-00f067aa0ba902b7-01\r\nX: y",
    ],
)
def test_what_is_no_traceparent_names_no_trace(header: str | None) -> None:
    assert tracing.trace_id_in(header) is None


@given(st.text(max_size=36))
def test_whatever_has_a_name_has_a_trace_of_its_own_always_the_same(name: str) -> None:
    trace_id = tracing.trace_id_of(name)
    assert trace_id == tracing.trace_id_of(name)
    assert tracing.trace_id_in(tracing.traceparent(trace_id, "message")) == trace_id


def test_the_trace_of_a_saga_with_a_uuid_is_that_uuid() -> None:
    assert tracing.trace_id_of("4bf92f35-77b3-4da6-a3ce-929d0e0e4736") == SOMEBODYS


def test_the_same_thing_said_twice_is_the_same_span_and_another_thing_another_span() -> None:
    assert header_of(request()) == header_of(request())
    assert header_of(request()) != header_of(request(action=Action.UNDO))


@pytest.mark.parametrize("message", [request(), request(trace_id=SOMEBODYS), heartbeat(), control()])
def test_header_and_attribute_are_there_and_say_the_same(message: object) -> None:
    attribute = json.loads(outgoing(message).value)[tracing.HEADER]
    assert WELL_FORMED.fullmatch(attribute)
    assert attribute == header_of(message)


def test_heartbeats_are_each_a_trace_of_their_own() -> None:
    assert heartbeat(beat=1).trace_id != heartbeat(beat=2).trace_id


@pytest.mark.parametrize(("scenario", "style", "faults"), ROADS.values(), ids=ROADS)
def test_every_message_of_a_saga_carries_the_trace_of_the_click(
    wide_bench: Workbench, scenario: str, style: str, faults: dict[str, StepFault]
) -> None:
    user = User(name="Ada", department="Data")
    start = opening(DEFINITIONS[scenario], saga_id="saga-1", style=style, user=user, faults=faults, trace_id=SOMEBODYS)
    wide_bench.send(outgoing(start, home_of(start)))
    wide_bench.run(*[wide_bench.worker(service) for service in SERVICES])
    assert wide_bench.state().has_ended
    said = list(chain.from_iterable(wide_bench.bus.messages(topic) for topic in (*SAGA_TOPICS, TRACE)))
    headers = [dict(one.headers)[tracing.HEADER].decode() for one in said]
    assert {tracing.trace_id_in(header) for header in headers} == {SOMEBODYS}
    assert len(set(headers)) == len(said)


def test_a_dead_letter_belongs_to_the_trace_of_the_message_that_it_is_about(bench: Workbench) -> None:
    traceparent = tracing.traceparent(SOMEBODYS, "message")
    headers = ((tracing.HEADER, traceparent.encode()),)
    bench.send(Outgoing(topic="new-user", key=b"saga-1", value=b"garbage", headers=headers))
    bench.work()
    [letter] = bench.letters()
    assert letter.trace_id == SOMEBODYS
