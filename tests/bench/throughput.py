"""Sagas per second with everything on, side by side with the bare pipeline."""

import time

from tests.bench import bare
from tests.bench.options import Options, say
from tests.bench.parts import Parts
from tests.bench.report import Figure
from tests.bench.stack import Stack, running_beside, wait_for

WARM_UP = 200
BARE_FACTOR = 4
"""The bare pipeline is so much faster that as many sagas would be over before it is in step."""
RUN_S = 120.0


def measure(options: Options) -> list[Figure]:
    ours, bares = [], []
    for number in options.rounds():
        with options.parts() as parts:
            bare.measure(options.sagas, parts)  # discarded: whoever comes first pays for the warming of a new Kafka
            # In turn first, so that a machine that slows down or speeds up favours neither.
            for runs in (ours, bares) if number % 2 == 0 else (bares, ours):
                run, factor = (whole, 1) if runs is ours else (bare.measure, BARE_FACTOR)
                runs.append(run(options.sagas * factor, parts))
        say(f"throughput {number + 1}: whole {ours[-1].sagas_per_s:,.0f} sagas/s, bare {bares[-1].sagas_per_s:,.0f}")
    return [
        _figure("throughput, everything on, lag 0", ours),
        _figure("throughput of the bare pipeline", bares),
        Figure(
            name="ratio of the two",
            unit="",
            samples=[one.sagas_per_s / other.sagas_per_s for one, other in zip(ours, bares, strict=True)],
            target=0.2 if options.on_stack else 0.25,
            at_least=True,
        ),
    ]


def whole(count: int, parts: Parts) -> bare.Run:
    """Have `count` sagas accepted, sent through the services and shown as ended."""
    with running_beside(parts, LAG_MS="0,0") as stack:
        _run(stack, WARM_UP)
        before, began = stack.cpu_seconds(), time.monotonic()
        _run(stack, count)
        took_s, after = time.monotonic() - began, stack.cpu_seconds()
        return bare.Run(count / took_s, {name: 1e6 * (after[name] - before[name]) / count for name in after})


def _run(stack: Stack, count: int) -> None:
    wanted = stack.ended() + count
    stack.onboard(count)
    wait_for(lambda: stack.ended() == wanted, within_s=RUN_S, what=f"a run of {count} sagas")


def _figure(name: str, runs: list[bare.Run]) -> Figure:
    totals = [round(sum(run.cpu_us_per_saga.values())) for run in runs]
    last = {process: round(cpu_us) for process, cpu_us in runs[-1].cpu_us_per_saga.items()}
    about = {"cpu_us_per_saga": totals, "last_round": last}
    return Figure(name=name, unit="sagas/s", samples=[run.sagas_per_s for run in runs], about=about)
