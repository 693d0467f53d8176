"""The bare pipeline, to compare with: the hops of an onboarding saga, and nothing else.

    starter -> new-user -> hop -> authorize -> hop -> notify -> hop -> notified -> finish

The same broker, client, settings and batches as the workshop, messages of the same shape, a process for each part;
but topics of its own, no ledger, no trace, no read model. What the workshop costs beyond this is what its guarantees
cost.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
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
from tests.bench.parts import Parts
from tests.bench.proc import cpu_seconds
from tests.bench.stack import ROOT, BenchFailed, wait_for
from workshop.kafka_bus import KafkaBus

BATCH = 500
PARTITIONS = 6
assert ONBOARDING.closing
CLOSING = ONBOARDING.closing
TOPICS = (*(step.topic for step in ONBOARDING.steps), CLOSING.topic)
JOIN_S = 30.0
RUN_S = 60.0
RESULTS: dict[str, dict[str, Any]] = {
    "provision": {"device_id": "WS-0A1B2C", "model": "Workstation 16-core"},
    "authorize": {"authorizations": ["mail", "calendar", "source-code", "build-farm"]},
    "notify": {"email": "ada.lovelace@example.com", "message_id": f"<{uuid4()}@saga-workshop.example.com>"},
}
Part = Callable[["Pipeline", int], Iterator[object]]
"""Joins and yields, then works on that many sagas; it yields again whenever it likes."""
SPAWN = multiprocessing.get_context("spawn")


class Run(NamedTuple):
    """What it took to send sagas through; processor time by the process that used it."""

    sagas_per_s: float
    cpu_us_per_saga: dict[str, float]


class Turn(NamedTuple):
    """When a part had work (on the clock that all processes share), and how much processor time that took."""

    began: float
    ended: float
    cpu_s: float


class Pipeline(NamedTuple):
    """Where the messages go; `name` keeps them apart from all others on the same broker."""

    name: str
    address: str
    is_embedded: bool
    broker_pid: int

    def bus(self) -> KafkaBus:
        client_id = f"{self.name}-{os.getpid()}"
        return KafkaBus(lambda: self.address, embedded=self.is_embedded, client_id=client_id)

    def topic(self, of_workshop: str) -> str:
        return f"{self.name}-{of_workshop}"


def measure(count: int, on: Parts) -> Run:
    """Send `count` sagas through, on the Kafka of these parts or else on an embedded broker of their own."""
    with _pipeline_on(on) as pipeline:
        parts = [_start, *(partial(_hop, step.name) for step in ONBOARDING.steps), _finish]
        before = cpu_seconds(pipeline.broker_pid)
        turns = _turns(parts, pipeline, count)
        cpu_s = {"broker": cpu_seconds(pipeline.broker_pid) - before, "parts": sum(turn.cpu_s for turn in turns)}
        took_s = max(turn.ended for turn in turns) - min(turn.began for turn in turns)
        return Run(count / took_s, {name: 1e6 * used_s / count for name, used_s in cpu_s.items()})


@contextmanager
def _pipeline_on(parts: Parts) -> Iterator[Pipeline]:
    name = f"bare-{uuid4().hex[:8]}"
    if parts.kafka is None:
        with _broker(name) as (address, pid):
            yield Pipeline(name, address, True, pid)
    else:
        pipeline = Pipeline(name, parts.kafka.address, False, parts.kafka.pid)
        with closing(pipeline.bus()) as bus:
            bus.wait_until_up(threading.Event(), {pipeline.topic(topic): PARTITIONS for topic in TOPICS})
        yield pipeline


@contextmanager
def _broker(name: str) -> Iterator[tuple[str, int]]:
    topics = [f"{name}-{topic}:{PARTITIONS}" for topic in TOPICS]
    environment = os.environ | {"WORKSHOP_LEASH": "stdin"}
    with TemporaryDirectory(prefix="saga-bench-") as directory:
        file = Path(directory) / "broker"
        command = [sys.executable, "-m", "workshop.embedded_broker", "--address-file", str(file), *topics]
        broker = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            wait_for(file.exists, within_s=JOIN_S, what="the start of a broker")
            yield file.read_text().strip(), broker.pid
        finally:
            broker.kill()
            broker.wait()


def _turns(parts: Sequence[Part], pipeline: Pipeline, count: int) -> list[Turn]:
    """Run each part in a process of its own, all at once."""
    all_joined, turns = SPAWN.Barrier(len(parts)), SPAWN.SimpleQueue()
    shared = (pipeline, count, all_joined, turns)
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


def _take_turn(part: Part, pipeline: Pipeline, count: int, all_joined: Barrier, turns: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench hears Ctrl-C, and ends its parts
    work = part(pipeline, count)
    next(work)
    all_joined.wait(JOIN_S)
    began, cpu_s = time.monotonic(), time.process_time()
    for _ in work:
        pass
    turns.put(Turn(began, time.monotonic(), time.process_time() - cpu_s))
    os._exit(0)  # nothing is taken apart: the next measurement has a broker of its own


def _start(pipeline: Pipeline, count: int) -> Iterator[None]:
    producer = pipeline.bus().producer()
    yield
    for begun in range(0, count, BATCH):
        producer.send([_opening(pipeline) for _ in range(min(BATCH, count - begun))])


def _hop(step: str, pipeline: Pipeline, count: int) -> Iterator[None]:
    following = ONBOARDING.step_after(step)
    topic = pipeline.topic(following.topic if following else CLOSING.topic)
    producer = pipeline.bus().producer()
    for records in _batches(pipeline, ONBOARDING.step(step).topic, count):
        producer.send([_onward(record, step, topic) for record in records])
        yield


def _finish(pipeline: Pipeline, count: int) -> Iterator[None]:
    for records in _batches(pipeline, CLOSING.topic, count):
        for record in records:
            json.loads(record.value or b"")
        yield


def _batches(pipeline: Pipeline, topic: str, count: int) -> Iterator[list[Record]]:
    """Yield nothing once joined, then `count` records, a poll's batch at a time, and commit what was handled."""
    name = pipeline.topic(topic)
    consumer = pipeline.bus().consumer(name, [name], on_revoked=lambda partitions: None)
    while len(consumer.assigned()) < PARTITIONS:
        consumer.poll(0.1, limit=BATCH)
    yield []
    while count > 0:
        records = consumer.poll(1.0, limit=BATCH)
        yield records
        consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
        count -= len(records)


def _opening(pipeline: Pipeline) -> Outgoing:
    user = User(name="Ada Lovelace", department="Engineering")
    message = routing.opening(ONBOARDING, saga_id=str(uuid4()), style=CHOREOGRAPHY, user=user)
    return wire.encode(
        message, topic=pipeline.topic(routing.home_of(message)), source="bare", at="2026-01-01T00:00:00.000000Z"
    )


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
