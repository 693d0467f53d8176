"""Twenty thousand sagas with five browsers attached, one of which never reads: is anything lost, does anything grow?"""

import socket
import time
from contextlib import suppress

from tests.bench.clients import Seen, readers, sleeper
from tests.bench.idle import memory
from tests.bench.options import Options, say
from tests.bench.report import Figure, percentile
from tests.bench.stack import BenchFailed, Stack, running_anew, wait_for

FACTOR = 4
"""Of the sagas in a measurement of throughput: 20,000."""
READERS = 4
RUN_S = 210.0
CATCH_UP_S = 10.0
SETTLED_S = 10.0


def measure(options: Options) -> list[Figure]:
    count = FACTOR * options.sagas
    with running_anew(options, LAG_MS="0,0") as stack:
        before = memory(stack)
        with readers(stack.port, READERS, until=count, within_s=RUN_S) as clients, sleeper(stack.port) as asleep:
            began = time.monotonic()
            stack.onboard(count)
            with suppress(BenchFailed):  # what has not ended by then is a figure, too
                wait_for(lambda: stack.ended() == count, within_s=RUN_S, what="a soak")
            took_s = time.monotonic() - began
            seen = [client.recv() if client.poll(CATCH_UP_S) else Seen() for client in clients]
            say(f"soak: {stack.ended():,} ended in {took_s:.0f} s; the sleeper {_fate(asleep)}")
        after = memory(stack)  # with the clients gone: what is held for them is no growth
        time.sleep(SETTLED_S)
        sizes = _sizes(before, after, memory(stack))
        return [*_losses(stack, seen, count), *sizes, *_delays(seen)]


def _losses(stack: Stack, seen: list[Seen], count: int) -> list[Figure]:
    unfinished = count - stack.ended()
    figures = [
        Figure(name=f"soak, unfinished after {RUN_S:g} s, of {count:,} sagas", unit="", samples=[unfinished], target=0)
    ]
    if unfinished:
        return figures  # while rows still change, there is nothing to compare them with
    known = {saga_id: (saga["status"], saga["finished"]) for saga_id, saga in stack.sagas().items()}
    broken = stack.broken_invariants()
    lost = count - sum(status == "completed" for status, _ in known.values())
    wrong = sum(one.sagas.get(saga_id) != saga for one in seen for saga_id, saga in known.items())
    return [
        *figures,
        Figure(name="sagas lost", unit="", samples=[lost], target=0),
        Figure(name="invariants broken", unit="", samples=[len(broken)], target=0, about={"broken": broken}),
        Figure(name="rows wrong in the reading browsers", unit="", samples=[wrong], target=0),
        Figure(name="deltas repeated", unit="", samples=[sum(one.repeats for one in seen)], target=0),
    ]


def _sizes(before: dict[str, float], after: dict[str, float], settled: dict[str, float]) -> list[Figure]:
    sizes = {"before": before, "after": after, "settled": settled}
    about = {when: {name: round(mib, 1) for name, mib in size.items()} for when, size in sizes.items()}
    drift = sum(settled.values()) - sum(after.values())
    return [
        Figure(name="memory before the soak, sum of RSS", unit="MiB", samples=[sum(before.values())], about=about),
        Figure(name="memory after the soak, sum of RSS", unit="MiB", samples=[sum(after.values())]),
        Figure(name=f"its growth in the next {SETTLED_S:g} s", unit="MiB", samples=[drift], target=5.0),
    ]


def _delays(seen: list[Seen]) -> list[Figure]:
    delays = [delay for one in seen for delay in one.delays_ms] or [float("inf")]
    name = "delay of a delta beside a browser that does not read"
    return [Figure(name=f"{name}, p{p}", unit="ms", samples=[percentile(delays, p)]) for p in (50, 99)]


def _fate(asleep: socket.socket) -> str:
    """Read what the sleeper was sent, to see whether the server has let go of it."""
    asleep.settimeout(1.0)
    received = 0
    try:
        with suppress(ConnectionError):  # so it ends for one that was dropped
            while chunk := asleep.recv(1 << 20):
                received += len(chunk)
    except TimeoutError:
        return f"is still connected, and had {received / 1e6:.1f} MB waiting for it"
    return f"was dropped with {received / 1e6:.1f} MB on the way to it"
