"""Bad messages on what the projector reads become dead letters with their reason, and hold up nothing."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.backstage import hearts, projector
from dashboard.models import DeadLetter, Saga
from saga import wire
from saga.bus import Outgoing
from saga.messages import DeadLetter as Letter
from saga.messages import Kind
from saga.topics import DEAD_LETTER, HEARTBEAT, TRACE
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.bench import Bench
from tests.support.dashboard.factories import beat, completion, event, letter, outgoing, saga, trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for module in (projector, hearts):
        monkeypatch.setattr(module, "POLL_TIMEOUT_S", 0)
    bench = Bench(bus)
    yield bench
    bench.close()


def changed(good: Outgoing, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return the message after `change` was made to its envelope."""
    envelope = json.loads(good.value)
    change(envelope)
    return json.dumps(envelope).encode()


GOOD = {
    TRACE: outgoing(completion("bad")),
    DEAD_LETTER: outgoing(letter(), topic=DEAD_LETTER),
    HEARTBEAT: outgoing(beat(), topic=HEARTBEAT),
}
ANYWHERE: dict[str, Callable[[Outgoing], bytes | None]] = {
    "nothing": lambda good: None,
    "no bytes": lambda good: b"",
    "not text": lambda good: b"\xff\xfe\x00\x80",
    "not JSON": lambda good: b"Hello",
    "an array": lambda good: b"[1, 2]",
    "an empty object": lambda good: b"{}",
    "deep nesting": lambda good: b"[" * 50_000,
    "cut off": lambda good: good.value[:-20],
    "too large": lambda good: good.value + b" " * 300_000,
    "another type": lambda good: changed(good, lambda e: e.update(type="com.example.order.v1")),
    "a later version": lambda good: changed(good, lambda e: e.update(type=e["type"].replace(".v1", ".v2"))),
    "a later CloudEvents": lambda good: changed(good, lambda e: e.update(specversion="2.0")),
    "no data": lambda good: changed(good, lambda e: e.pop("data")),
    "an unknown field": lambda good: changed(good, lambda e: e["data"].update(surprise=1)),
    "a time that is none": lambda good: changed(good, lambda e: _time_holder(e).update(at="yesterday")),
    "a lone surrogate": lambda good: good.value.replace(b'"data":{', b'"data":{"x":"\\ud800",'),
    "a NUL character": lambda good: changed(good, lambda e: _time_holder(e).update(service="Zoë \0")),
}
ONLY_TRACE: dict[str, Callable[[Outgoing], bytes | None]] = {
    "an unknown scenario": lambda good: changed(good, lambda e: e["data"].update(scenario="moon-landing")),
    "an unknown style": lambda good: changed(good, lambda e: e["data"].update(style="interpretive dance, in 3 acts")),
    "an unknown kind": lambda good: changed(good, lambda e: e["data"]["events"][0].update(kind="exploded")),
    "an unknown step": lambda good: changed(good, lambda e: e["data"]["events"][0].update(step="teleport")),
    "an event of an unknown service": lambda good: changed(
        good, lambda e: e["data"]["events"][0].update(service="martian")
    ),
    "no events": lambda good: changed(good, lambda e: e["data"].update(events=[])),
    "too many events": lambda good: changed(good, lambda e: e["data"].update(events=e["data"]["events"] * 21)),
    "steps with too long names": lambda good: changed(
        good, lambda e: e["data"].update(events=[dict(e["data"]["events"][0], step="😀" * 100)] * 6)
    ),
    "a saga id too long": lambda good: changed(good, lambda e: e["data"].update(saga_id="x" * 37)),
    "a name too long": lambda good: changed(good, lambda e: e["data"]["user"].update(name="x" * 1000)),
    "a detail that no page could show": lambda good: changed(
        good, lambda e: e["data"]["events"][0].update(detail={"error": "x" * 5000})
    ),
    "a message that no page could show": lambda good: changed(
        good, lambda e: e["data"]["events"][0].update(payload="x" * 9000)
    ),
    "an attempt beyond counting": lambda good: changed(good, lambda e: e["data"]["events"][0].update(attempt=10**30)),
}
ONLY_DEAD_LETTER: dict[str, Callable[[Outgoing], bytes | None]] = {
    "an offset beyond counting": lambda good: changed(good, lambda e: e["data"].update(offset=10**30)),
    "a partition beyond counting": lambda good: changed(good, lambda e: e["data"].update(partition=10**30)),
    "an offset that is a word": lambda good: changed(good, lambda e: e["data"].update(offset="17")),
}
ONLY_HEARTBEAT: dict[str, Callable[[Outgoing], bytes | None]] = {
    "an unknown service": lambda good: changed(good, lambda e: e["data"].update(service="janitor")),
    "an instance with too long a name": lambda good: changed(good, lambda e: e["data"].update(instance="x" * 200)),
    "more words than anybody reads": lambda good: changed(good, lambda e: e["data"].update(detail="x" * 2000)),
    "an order that no database holds": lambda good: changed(good, lambda e: e["data"].update(armed={"x": math.nan})),
}
BAD = [
    *((topic, name) for topic in GOOD for name in ANYWHERE),
    *((TRACE, name) for name in ONLY_TRACE),
    *((DEAD_LETTER, name) for name in ONLY_DEAD_LETTER),
    *((HEARTBEAT, name) for name in ONLY_HEARTBEAT),
]


def _time_holder(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope["data"].get("events", [envelope["data"]])[0]


@pytest.mark.parametrize(("topic", "name"), BAD, ids=[f"{topic}: {name}" for topic, name in BAD])
def test_a_bad_message_becomes_a_dead_letter_and_the_partition_goes_on(
    bus: MemoryBus, bench: Bench, topic: str, name: str
) -> None:
    make = {**ANYWHERE, **ONLY_TRACE, **ONLY_DEAD_LETTER, **ONLY_HEARTBEAT}[name]
    bad = Outgoing(topic=topic, key=b"same", value=make(GOOD[topic]))  # type: ignore[arg-type]
    place = bus.append(bad)
    bench.tell(Outgoing(topic=TRACE, key=b"same", value=outgoing(completion("good")).value))
    bench.drain()
    dead = DeadLetter.objects.get()
    assert (dead.service, dead.topic, dead.partition, dead.offset) == ("projector", *place)
    assert len(dead.reason) > 10
    assert dead.reason.isprintable()
    assert [saga.saga_id for saga in Saga.objects.all()] == ["good"]
    assert bench.is_committed


FOREIGN: dict[str, dict[str, Any]] = {
    "a result that is a word": {"detail": {"result": "done!"}},
    "a result that is no number": {"detail": {"result": {"x": float("nan")}}},
    "no result": {"detail": {}},
    "a result that is null": {"detail": {"result": None}},
}


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
def test_an_odd_result_does_not_spoil_its_saga(bus: MemoryBus, bench: Bench, changes: dict[str, Any]) -> None:
    bench.tell(outgoing(trace("odd", event(Kind.SUCCEEDED, "provision", **changes))))
    bench.drain()
    bench.tell(outgoing(completion("odd")))
    bench.drain()
    assert saga("odd").status == "completed"
    assert bench.is_committed


def test_an_unknown_service_beats_in_vain(bus: MemoryBus, bench: Bench) -> None:
    bench.tell(outgoing(beat(service="stranger", instance="x" * 5000), topic=HEARTBEAT))
    bench.drain()
    assert bench.watch.view("provisioner", asked_to_run=True, process=None)["detail"] == "not heard of yet"


def test_a_dead_letter_tells_the_message_as_a_person_would_read_it(bus: MemoryBus, bench: Bench) -> None:
    bench.tell(Outgoing(topic=TRACE, key=b"k\xff", value=b"caf\xe9 \x00 " + b"x" * 20_000))
    bench.drain()
    said = wire.decode(Letter, bus.messages(DEAD_LETTER)[0].value)
    assert said.key == "k\\xff"
    assert said.value is not None
    assert said.value.startswith("caf\\xe9 \\x00 xxx")
    assert len(said.value) < 10_000
