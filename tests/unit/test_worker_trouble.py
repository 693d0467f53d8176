"""What a worker does with messages that make no sense, and with work that fails."""

import json
from dataclasses import replace
from typing import Any

import pytest

from consumers.ledger import Change, Ledger
from saga import wire
from saga.bus import Outgoing
from saga.definitions import COORDINATOR
from saga.errors import MessageRejected, StepFailed
from saga.messages import Kind, Outcome
from saga.participation import Status
from tests.support.sagas.factories import command, entry, outgoing, record, reply, request, trace, undo
from tests.support.services.workbench import CHAIN, Moody, Workbench, effects_of

pytestmark = pytest.mark.django_db(databases=(*CHAIN, COORDINATOR))

GOOD = outgoing(request())


def changed(**attributes: Any) -> Outgoing:
    return replace(GOOD, value=json.dumps(json.loads(GOOD.value) | attributes).encode())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(replace(GOOD, value=b"hello"), "not a JSON object", id="malformed"),
        pytest.param(replace(GOOD, value=b""), "empty", id="empty"),
        pytest.param(replace(GOOD, value=None), "empty", id="tombstone"),
        pytest.param(replace(GOOD, value=b"\xff\x00"), "not a JSON object", id="not UTF-8"),
        pytest.param(replace(GOOD, value=b" " * 900_000), "has 900000 bytes", id="too long"),
        pytest.param(changed(type="com.example.order.v1"), "'com.example.order.v1'", id="foreign"),
        pytest.param(changed(type="workshop.saga.message.v2"), "'workshop.saga.message.v2'", id="future version"),
        pytest.param(changed(time="yesterday"), "time", id="a time that is none"),
        pytest.param(changed(time="2026-01-01T00:00:00"), "time", id="a time without a zone"),
        pytest.param(changed(datacontenttype="text/xml"), "datacontenttype", id="foreign content"),
        pytest.param(changed(subject="saga-2"), "the subject is 'saga-2'", id="another's subject"),
        pytest.param(changed(specversion="2.0"), "CloudEvents '2.0'", id="future envelope"),
        pytest.param(outgoing(trace(), "new-user"), "'workshop.saga.trace.v1'", id="another kind"),
        pytest.param(replace(GOOD, key=b"saga-2"), "key is not its saga id", id="wrong key"),
        pytest.param(replace(GOOD, key=b"\xff" * 300_000), "key is not its saga id", id="endless key"),
        pytest.param(outgoing(request("authorize"), "new-user"), "belongs on topic 'authorize'", id="wrong topic"),
        pytest.param(outgoing(request(None), "new-user"), "belongs on topic 'notified'", id="closing on another topic"),
        pytest.param(outgoing(request(scenario="moon-shot"), "new-user"), "unknown scenario", id="unknown scenario"),
        pytest.param(outgoing(request(style="telepathy"), "new-user"), "no style 'telepathy'", id="unknown style"),
        pytest.param(outgoing(undo(), "new-user"), "belongs on topic 'undo-provision'", id="an undo on another topic"),
        pytest.param(outgoing(command("car"), "new-user"), "belongs on topic 'car'", id="another's command"),
        pytest.param(
            outgoing(request(None, results={}), "notified"), "results of earlier steps", id="closed before its time"
        ),
    ],
)
def test_what_makes_no_sense_becomes_a_dead_letter_and_the_partition_goes_on(
    bench: Workbench, bad: Outgoing, reason: str
) -> None:
    bench.send(bad, request(saga_id="saga-2"))
    bench.run(bench.worker())
    [letter] = bench.letters()
    assert reason in letter.reason
    assert (letter.service, letter.topic, letter.partition, letter.offset) == ("provisioner", bad.topic, 0, 0)
    assert [message.saga_id for message in bench.performed] == ["saga-2"]
    assert (bench.backlog(), bench.kinds("saga-1")) == (0, [])


def test_a_saga_that_was_not_begun_here_is_not_closed(bench: Workbench) -> None:
    bench.send(request(None), request(saga_id="saga-2"))
    bench.run(bench.worker())
    [letter] = bench.letters()
    assert (letter.topic, letter.reason) == ("notified", "it closes a saga that was not begun here")
    assert (bench.rows("provisioner"), bench.state().has_ended, bench.backlog()) == ({}, False, 0)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.DONE])
def test_a_saga_whose_first_step_does_not_stand_is_not_closed(bench: Workbench, status: Status) -> None:
    Ledger("provisioner").record([Change(entry(status, attempts=()), record())])
    bench.send(request(None))
    bench.work()
    assert [letter.reason for letter in bench.letters()] == ["it closes a saga that was not begun here"]
    assert (set(bench.rows("provisioner")), bench.state().has_ended) == ({"provision"}, False)


def test_what_would_grow_beyond_reading_becomes_a_dead_letter_and_the_partition_goes_on(bench: Workbench) -> None:
    faults = {f"{number:x}": {} for number in range(20_000)}  # what is left out is written out when it is passed on
    envelope = json.loads(GOOD.value)
    growing = changed(data=envelope["data"] | {"faults": faults})
    assert len(growing.value) < wire.MAX_BYTES
    bench.send(growing, request(saga_id="saga-2"))
    bench.run(bench.worker())
    [letter] = bench.letters()
    assert "what comes of it has" in letter.reason
    assert [message.saga_id for message in bench.requests("authorize")] == ["saga-2"]
    assert (bench.backlog(), bench.kinds("saga-1")) == (0, ["received"])


def test_no_answers_make_a_command_that_nobody_can_read(bench: Workbench) -> None:
    bench.send(request(None, scenario="trip"))
    bench.work(COORDINATOR)
    for step in ("car", "hotel"):
        asked = bench.requests(step)[0]
        bench.send(outgoing(reply(asked, Outcome.DONE, result={"seats": "x" * 200_000}), "replies"))
        bench.work(COORDINATOR)
    [letter] = bench.letters()
    assert (letter.service, letter.topic) == (COORDINATOR, "replies")
    assert bench.requests("flight") == []
    assert bench.backlog(COORDINATOR) == 0


def test_a_message_as_large_as_can_be_does_not_hold_up_its_partition(bench: Workbench) -> None:
    filling = '"' * ((wire.MAX_BYTES - 1_000) // 2)
    bench.send(outgoing(request(results={"x": {"y": filling}})), request(saga_id="saga-2"))
    bench.run(bench.worker())
    assert (bench.backlog(), bench.kinds("saga-1"), bench.kinds("saga-2")) == (0, *[["received", "succeeded"]] * 2)


def test_headers_of_others_do_not_hold_up_a_partition(bench: Workbench) -> None:
    bench.send(replace(GOOD, headers=(("x" * 1_000, b"\x01" * 900_000),) * 50))
    bench.run(bench.worker())
    assert (bench.backlog(), bench.kinds()) == (0, ["received", "succeeded"])


@pytest.mark.parametrize(("error", "told"), [("\udcff", r"\xed\xb3\xbf"), ("a\x00b", r"a\x00b")])
@pytest.mark.parametrize("kind", [StepFailed, MessageRejected])
def test_an_error_may_say_what_is_no_text(bench: Workbench, kind: type[Exception], error: str, told: str) -> None:
    worker = bench.worker(perform=Moody(kind(error), times=1))
    bench.send(request(), request(saga_id="saga-2"))
    bench.run(worker)
    errors = [event.detail["error"] for event in bench.events() if event.kind is Kind.FAILED]
    assert errors + [letter.reason for letter in bench.letters()] == [told]
    assert (bench.backlog(), bench.kinds("saga-2")) == (0, ["received", "succeeded"])


def test_what_can_never_succeed_becomes_a_dead_letter_and_is_not_tried_again(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(MessageRejected("there is no such department"), times=1))
    bench.send(request(), request(saga_id="saga-2"))
    bench.run(worker)
    assert [letter.reason for letter in bench.letters()] == ["there is no such department"]
    assert (bench.kinds("saga-1"), bench.kinds("saga-2")) == (["received"], ["received", "succeeded"])
    assert (bench.backlog(), effects_of("provisioner")) == (0, [("saga-2", "provision", "done")])


def test_a_foreign_message_for_the_notifier_is_not_tried_for_ever(bench: Workbench) -> None:
    bench.send(outgoing(request("notify", results={"provision": {}, "authorize": {}})))
    bench.run(bench.worker("notifier"))
    assert [letter.topic for letter in bench.letters()] == ["notify"]
    assert bench.backlog("notifier") == 0
