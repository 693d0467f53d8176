"""Kafka is killed in the middle of everything, and comes back: how long until the workshop does?"""

import time
from contextlib import closing, suppress
from typing import Any, NamedTuple

from saga.errors import BrokerUnavailable
from saga.topics import TRACE
from tests.bench.load import steady_load
from tests.bench.options import Options, say
from tests.bench.report import Figure
from tests.bench.stack import Stack, running_anew, wait_for
from workshop.kafka_bus import KafkaBus

LAG_MS = "50,300"
SAGAS_PER_S = 20.0
STEADY_S = 5.0
AWAY_S = 10.0
PATIENCE_S = 90.0


class Return(NamedTuple):
    """Seconds that Kafka took to start, and from when it answered to a new saga's end, and to `/readyz`."""

    kafka_s: float
    saga_s: float
    ready_s: float


def measure(options: Options) -> list[Figure]:
    returns: list[Return] = []
    with running_anew(options, LAG_MS=LAG_MS) as stack:
        with steady_load(stack, sagas_per_s=SAGAS_PER_S) as load:
            for number in options.rounds():
                returns.append(_outage(stack))
                say(f"recovery {number + 1}: {returns[-1]}")
        begun = len(load.saga_ids) + len(returns)
        wait_for(lambda: stack.ended() == begun, within_s=PATIENCE_S, what="the end of all sagas")
        broken = stack.broken_invariants()
    return [
        _figure("from Kafka's answer to the end of a saga begun then", [one.saga_s for one in returns], target=10.0),
        _figure("from Kafka's answer to ready", [one.ready_s for one in returns], target=10.0),
        _figure("Kafka's own start after kill -9", [one.kafka_s for one in returns]),
        Figure(name="invariants broken", unit="", samples=[len(broken)], target=0, about={"broken": broken}),
    ]


def _outage(stack: Stack) -> Return:
    """Kill Kafka under load, leave it away until everybody knows it, and start it again."""
    kafka = stack.parts.kafka
    assert kafka
    time.sleep(STEADY_S)
    kafka.kill()
    wait_for(lambda: not stack.is_ready(), within_s=PATIENCE_S, what="word of the outage")
    time.sleep(AWAY_S)
    began = time.monotonic()
    kafka.start()
    wait_for(lambda: _answers(kafka.address), within_s=PATIENCE_S, what="an answer of Kafka")
    answered = time.monotonic()
    saga_s, ready_s = _times(stack)
    return Return(answered - began, saga_s, ready_s)


def _answers(address: str) -> bool:
    with suppress(BrokerUnavailable), closing(KafkaBus(lambda: address, embedded=False, client_id="bench")) as bus:
        return bool(bus.end_offsets([TRACE]))
    return False


def _times(stack: Stack) -> tuple[float, float]:
    """Start a saga; return when it had ended, and when everything worked, in seconds from now."""
    began, [saga_id] = time.monotonic(), stack.onboard(1)
    conditions = {
        "saga": lambda: stack.ask(f"/api/sagas/{saga_id}")["ended_at"] is not None,
        "ready": stack.is_ready,
    }
    after_s: dict[str, Any] = {}
    wait_for(lambda: _note(conditions, after_s, began), within_s=PATIENCE_S, what="the workshop's return")
    return after_s["saga"], after_s["ready"]


def _note(conditions: dict[str, Any], after_s: dict[str, Any], began: float) -> bool:
    for name, holds in conditions.items():
        if name not in after_s and holds():
            after_s[name] = time.monotonic() - began
    return after_s.keys() == conditions.keys()


def _figure(name: str, samples: list[float], *, target: float | None = None) -> Figure:
    return Figure(name=name, unit="s", samples=samples, target=target)
