"""What a worker does with messages that make no sense, and with work that fails."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from consumers.ledger import Ledger
from saga import wire
from saga.bus import Outgoing
from saga.errors import MessageRejected
from saga.messages import Kind, SagaMessage
from saga.retry import RetryPolicy
from saga.topics import SERVICES
from tests.factories import outgoing, request, trace
from tests.workbench import Workbench

pytestmark = pytest.mark.django_db(databases=SERVICES)

GOOD = outgoing(request())


class Moody:
    """Performs, but fails for one saga as often as it is told to."""

    def __init__(self, error: Exception, *, times: int, saga_id: str = "saga-1") -> None:
        self._left = Counter({saga_id: times})
        self._error = error

    def __call__(self, message: SagaMessage) -> dict[str, Any]:
        if self._left[message.saga_id] > 0:
            self._left[message.saga_id] -= 1
            raise self._error
        return {"device_id": "WS-1"}


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
        pytest.param(changed(specversion="2.0"), "CloudEvents '2.0'", id="future envelope"),
        pytest.param(outgoing(trace(), "new-user"), "'workshop.saga.trace.v1'", id="another kind"),
        pytest.param(replace(GOOD, key=b"saga-2"), "key is not its saga id", id="wrong key"),
        pytest.param(replace(GOOD, key=b"\xff" * 300_000), "key is not its saga id", id="endless key"),
        pytest.param(outgoing(request("authorize"), "new-user"), "belongs on topic 'authorize'", id="wrong topic"),
        pytest.param(outgoing(request(None), "new-user"), "belongs on topic 'notified'", id="closing on another topic"),
        pytest.param(outgoing(request(scenario="moon-shot"), "new-user"), "unknown scenario", id="unknown scenario"),
        pytest.param(outgoing(request(style="telepathy"), "new-user"), "unknown style", id="unknown style"),
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


def test_a_message_as_large_as_can_be_does_not_hold_up_its_partition(bench: Workbench) -> None:
    filling = '"' * ((wire.MAX_BYTES - 1_000) // 2)
    bench.send(outgoing(request(results={"x": {"y": filling}})), request(saga_id="saga-2"))
    bench.run(bench.worker())
    assert (bench.backlog(), bench.kinds("saga-1"), bench.kinds("saga-2")) == (0, *[["received", "succeeded"]] * 2)


def test_headers_of_others_do_not_hold_up_a_partition(bench: Workbench) -> None:
    bench.send(replace(GOOD, headers=(("x" * 1_000, b"\x01" * 900_000),) * 50))
    bench.run(bench.worker())
    assert (bench.backlog(), bench.kinds()) == (0, ["received", "succeeded"])


def test_a_step_that_failed_is_tried_again_after_the_back_off(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(OSError("no route"), times=2))
    bench.send(request())
    bench.run(worker)
    for attempt in (1, 2):
        delay_s = RetryPolicy().delay_after(attempt)
        last = bench.events()[-1]
        assert (last.kind, last.attempt, last.detail) == (
            Kind.RETRYING,
            attempt,
            {"error": "OSError('no route')", "next_attempt_in_s": delay_s},
        )
        bench.clock.seconds += delay_s - 0.01
        bench.run(worker)
        assert (len(bench.performed), bench.committed()) == (attempt, 0)
        bench.clock.seconds += 0.01
        bench.run(worker)
    assert (bench.events()[-1].kind, bench.events()[-1].attempt) == (Kind.SUCCEEDED, 3)
    assert (bench.backlog(), len(bench.requests("authorize"))) == (0, 1)


def test_a_failing_saga_does_not_hold_up_the_others(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(OSError("no route"), times=10**6))
    bench.send(request(), *(request(saga_id=f"saga-{number}") for number in range(2, 9)))
    bench.run(worker)
    assert len(bench.requests("authorize")) == 7
    assert (bench.committed(), worker.in_flight) == (0, 1)


def test_an_error_is_told_in_a_bounded_text(bench: Workbench) -> None:
    bench.send(request())
    bench.run(bench.worker(perform=Moody(OSError("x" * 10**6), times=1)))
    assert len(bench.events()[-1].detail["error"]) <= 500


def test_what_can_never_succeed_becomes_a_dead_letter_and_is_not_tried_again(bench: Workbench) -> None:
    worker = bench.worker(perform=Moody(MessageRejected("there is no such department"), times=1))
    bench.send(request(), request(saga_id="saga-2"))
    bench.run(worker)
    assert [letter.reason for letter in bench.letters()] == ["there is no such department"]
    assert (bench.kinds("saga-1"), bench.kinds("saga-2")) == (["received"], ["received", "succeeded"])
    assert (bench.backlog(), list(Ledger("provisioner").effects())) == (0, [("saga-2", "provision")])


def test_threads_do_the_same_and_fail_the_same(bench: Workbench) -> None:
    worker = bench.worker("notifier", perform=Moody(OSError("no route"), times=1), threads=8)
    bench.send(*(request("notify", saga_id=f"saga-{number}") for number in range(1, 21)))
    bench.run(worker)
    assert len(bench.requests("notified")) == 19
    bench.clock.seconds += RetryPolicy().delay_after(1)
    bench.run(worker)
    assert {message.saga_id for message in bench.requests("notified")} == {f"saga-{n}" for n in range(1, 21)}
    assert bench.backlog("notifier") == 0
    worker.close()


def test_a_foreign_message_for_the_notifier_is_not_tried_for_ever(bench: Workbench) -> None:
    bench.send(outgoing(request("notify", results={"provision": {}, "authorize": {}})))
    bench.run(bench.worker("notifier"))
    assert [letter.topic for letter in bench.letters()] == ["notify"]
    assert bench.backlog("notifier") == 0
