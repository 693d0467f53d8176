"""The bare pipeline, to compare with: the hops of an onboarding saga, and nothing else.

    starter -> new-user -> hop -> authorize -> hop -> notify -> hop -> notified -> finish

The same broker, client, settings and batches as the workshop, messages of the same shape, a process for each part;
but no ledger, no trace, no read model. What the workshop costs beyond this is what its guarantees cost.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

from saga import routing, wire
from saga.bus import Outgoing, Record, TopicPartition
from saga.definitions import CHOREOGRAPHY, ONBOARDING
from saga.messages import User
from saga.topics import partitions_by_topic
from tests.bench.proc import cpu_seconds
from tests.bench.stack import ROOT, BenchFailed, wait_for
from workshop.kafka_bus import KafkaBus, address_in

BATCH = 500
PARTITIONS = 6
assert ONBOARDING.closing
CLOSING = ONBOARDING.closing
JOIN_S = 30.0
RUN_S = 60.0
RESULTS: dict[str, dict[str, Any]] = {
    "provision": {"device_id": "WS-0A1B2C", "model": "Workstation 16-core"},
    "authorize": {"authorizations": ["mail", "calendar", "source-code", "build-farm"]},
    "notify": {"email": "ada.lovelace@example.com", "message_id": f"<{uuid4()}@saga-workshop.example.com>"},
}
Part = Callable[[KafkaBus, int], Iterator[object]]
"""Joins and yields, then works on that many sagas; it yields again whenever it likes."""
SPAWN = multiprocessing.get_context("spawn")


class Run(NamedTuple):
    """What it took to send sagas through the pipeline."""

    sagas_per_s: float
    cpu_us_per_saga: float


class Turn(NamedTuple):
    """When a part had work (on the clock that all processes share), and how much processor time that took."""

    began: float
    ended: float
    cpu_s: float


def measure(count: int) -> Run:
    """Send `count` sagas through."""
    with TemporaryDirectory(prefix="saga-bench-") as directory, _broker(Path(directory) / "broker") as broker:
        parts = [_start, *(partial(_hop, step.name) for step in ONBOARDING.steps), _finish]
        before = cpu_seconds(broker.pid)
        turns = _turns(parts, Path(directory) / "broker", count)
        cpu_s = cpu_seconds(broker.pid) - before + sum(turn.cpu_s for turn in turns)
        took_s = max(turn.ended for turn in turns) - min(turn.began for turn in turns)
        return Run(count / took_s, 1e6 * cpu_s / count)


@contextmanager
def _broker(address_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    topics = [f"{topic}:{count}" for topic, count in partitions_by_topic(PARTITIONS).items()]
    command = [sys.executable, "-m", "workshop.embedded_broker", "--address-file", str(address_file), *topics]
    environment = os.environ | {"WORKSHOP_LEASH": "stdin"}
    broker = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        wait_for(address_file.exists, within_s=JOIN_S, what="the start of a broker")
        yield broker
    finally:
        broker.kill()
        broker.wait()


def _turns(parts: Sequence[Part], address_file: Path, count: int) -> list[Turn]:
    """Run each part in a process of its own, all at once."""
    all_joined, turns = SPAWN.Barrier(len(parts)), SPAWN.SimpleQueue()
    shared = (address_file, count, all_joined, turns)
    processes = [SPAWN.Process(target=_take_turn, args=(part, *shared), daemon=True) for part in parts]
    try:
        for process in processes:
            process.start()
        wait_for(lambda: not any(p.is_alive() for p in processes), within_s=JOIN_S + RUN_S, what="a bare pipeline")
        if any(process.exitcode for process in processes):
            raise BenchFailed("a part of the bare pipeline broke")
        return [turns.get() for _ in parts]
    finally:
        for process in processes:
            process.kill()


def _take_turn(part: Part, address_file: Path, count: int, all_joined: Barrier, turns: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench hears Ctrl-C, and ends its parts
    bus = KafkaBus(address_in(address_file), embedded=True, client_id=f"bare-{os.getpid()}")
    work = part(bus, count)
    next(work)
    all_joined.wait(JOIN_S)
    began, cpu_s = time.monotonic(), time.process_time()
    for _ in work:
        pass
    turns.put(Turn(began, time.monotonic(), time.process_time() - cpu_s))
    os._exit(0)  # nothing is taken apart: the next measurement has a broker of its own


def _start(bus: KafkaBus, count: int) -> Iterator[None]:
    producer = bus.producer()
    yield
    for begun in range(0, count, BATCH):
        producer.send([_opening() for _ in range(min(BATCH, count - begun))])


def _hop(step: str, bus: KafkaBus, count: int) -> Iterator[None]:
    following = ONBOARDING.step_after(step)
    topic = following.topic if following else CLOSING.topic
    producer = bus.producer()
    for records in _batches(bus, ONBOARDING.step(step).topic, count):
        producer.send([_onward(record, step, topic) for record in records])
        yield


def _finish(bus: KafkaBus, count: int) -> Iterator[None]:
    for records in _batches(bus, CLOSING.topic, count):
        for record in records:
            json.loads(record.value or b"")
        yield


def _batches(bus: KafkaBus, topic: str, count: int) -> Iterator[list[Record]]:
    """Yield nothing once joined, then `count` records, a poll's batch at a time, and commit what was handled."""
    consumer = bus.consumer(f"bare-{topic}", [topic], on_revoked=lambda partitions: None)
    while len(consumer.assigned()) < PARTITIONS:
        consumer.poll(0.1, limit=BATCH)
    yield []
    while count > 0:
        records = consumer.poll(1.0, limit=BATCH)
        yield records
        consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
        count -= len(records)


def _opening() -> Outgoing:
    user = User(name="Ada Lovelace", department="Engineering")
    topic, message = routing.opening(ONBOARDING, saga_id=str(uuid4()), style=CHOREOGRAPHY, user=user)
    return wire.encode(message, topic=topic, source="bare", at="2026-01-01T00:00:00.000000Z")


def _onward(record: Record, step: str, topic: str) -> Outgoing:
    event = json.loads(record.value or b"")
    data = event["data"]
    data["results"][step] = RESULTS[step]
    following = ONBOARDING.step_after(step)
    data["step"] = following.name if following else None
    data["hop"] += 1
    event["id"] = f"{data['saga_id']}.{data['step'] or 'saga'}.do"
    value = json.dumps(event, separators=(",", ":")).encode()
    return Outgoing(topic=topic, key=data["saga_id"].encode(), value=value, headers=(wire.CONTENT_TYPE,))
