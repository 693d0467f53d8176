"""Two hundred browsers at five hundred trace events a second: is everybody shown everything, and how soon?"""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from tests.bench.load import steady_load
from tests.bench.options import Options, say
from tests.bench.report import Figure, percentile
from tests.bench.stack import Stack, running_anew, wait_for
from tests.bench.viewers import Receipt, Watched, viewers, what_they_saw

VIEWERS = 200
EVENTS_PER_S = 500
RAMP_S = 10.0
"""From the first saga until as many end as begin: three steps take nine seconds at most."""
LOAD_S = 20.0
WARM_UP = 100
END_S = 60.0
SETTLED_S = 3.0
"""After the last saga has ended: what has not come by then counts as lost."""
LATE_MS = 500.0
# A row is what a service said at one moment: its `slots` name one event, or several with + between.
EVENTS = "SELECT sum(1 + length(slots) - length(replace(slots, '+', ''))) FROM dashboard_tracerecord"

Rows = dict[str, dict[str, Any]]


class Show(NamedTuple):
    """What came of one round. Delays in ms: of each delta since its own time, of each end since its service said it."""

    joined_s: float
    events_per_s: float
    wrong_rows: int
    missed: int
    delta_delays: list[float]
    end_delays: list[float]
    cpu_percent: dict[str, int]


class Look(NamedTuple):
    """When somebody looked (seconds since 1970), how many trace events were told by then, and what that had cost."""

    at: float
    events: int
    cpu_s: dict[str, float]


def measure(options: Options) -> list[Figure]:
    shows: list[Show] = []
    for number in options.rounds():
        with running_anew(options) as stack:
            shows.append(_show(stack))
        p99 = percentile(shows[-1].end_delays, 99)
        say(f"audience {number + 1}: {shows[-1].events_per_s:.0f} events/s, p99 from a saga's end {p99:.0f} ms")
    received = [len(show.delta_delays) for show in shows]
    about = {"deltas_received": received, "percent_of_a_core_in_last_round": shows[-1].cpu_percent}
    who_missed = [show.missed for show in shows]
    joined, rates = [show.joined_s for show in shows], [show.events_per_s for show in shows]
    return [
        Figure(name=f"{VIEWERS} browsers connect at once, until the last has its rows", unit="s", samples=joined),
        Figure(name=f"trace events a second to {VIEWERS} browsers", unit="", samples=rates, target=500, at_least=True),
        Figure(name="rows wrong in them", unit="", samples=[show.wrong_rows for show in shows], target=0),
        Figure(name="browsers that missed a delta", unit="", samples=who_missed, target=0, about=about),
        *_delays("from a delta's time to its receipt", [show.delta_delays for show in shows]),
        *_delays("from a saga's end to its receipt", [show.end_delays for show in shows]),
    ]


def _show(stack: Stack) -> Show:
    sagas_per_s = 1.05 * EVENTS_PER_S / _events_of_a_saga(stack)
    with viewers(stack.port, VIEWERS) as pipes:
        with steady_load(stack, sagas_per_s=sagas_per_s) as load:
            time.sleep(RAMP_S)
            first = _look(stack)
            time.sleep(LOAD_S)
            last = _look(stack)
        count = WARM_UP + len(load.saga_ids)
        wait_for(lambda: stack.ended() == count, within_s=END_S, what="the end of all sagas")
        time.sleep(SETTLED_S)
        saw = what_they_saw(pipes)
    known, begun = stack.sagas(), set(load.saga_ids)
    took_s = last.at - first.at
    return Show(
        joined_s=max(one.joined_s for one in saw),
        events_per_s=(last.events - first.events) / took_s,
        wrong_rows=sum(wrong_rows(one, known) for one in saw),
        missed=missed(saw),
        delta_delays=[delay for one in saw for delay in delays_of_deltas(one)],
        end_delays=[delay for one in saw for delay in delays_of_ends(one, begun, within=(first.at, last.at))],
        cpu_percent={name: round(100 * (used_s - first.cpu_s[name]) / took_s) for name, used_s in last.cpu_s.items()},
    )


def _look(stack: Stack) -> Look:
    [events] = stack.read_model.execute(EVENTS).fetchone() or (0,)
    return Look(time.time(), events, stack.cpu_seconds())


def _events_of_a_saga(stack: Stack) -> float:
    saga_ids = stack.onboard(WARM_UP)
    wait_for(lambda: stack.ended() == WARM_UP, within_s=END_S, what="the end of the first sagas")
    counts = [len(stack.ask(f"/api/sagas/{saga_id}")["events"]) for saga_id in saga_ids[:10]]
    return sum(counts) / len(counts)


def wrong_rows(watched: Watched, known: Rows) -> int:
    """Count the rows that viewers do not show as the read model has them, after all that they were sent."""
    wrong = 0
    found: dict[tuple[int, ...], int] = {}
    for receipts in watched.receipts:
        sent = tuple(number for number, _ in receipts)
        if sent not in found:  # most were sent the same
            shown = {row["saga_id"]: row for number in sent for row in watched.frames[number].get("sagas", ())}
            found[sent] = sum(shown.get(saga_id) != row for saga_id, row in known.items())
        wrong += found[sent]
    return wrong


def missed(saw: list[Watched]) -> int:
    """Count the viewers that were not sent each delta once and in order that anybody was sent while they were there."""
    told = [(one.frames, one.receipts) for one in saw]
    numbers = [_numbers(frames, sent) for frames, receipts in told for sent in receipts]
    everything = sorted({seq for _, deltas in numbers for seq in deltas})
    return sum([seq for seq in everything if seq > since] != deltas for since, deltas in numbers)


def _numbers(frames: list[dict[str, Any]], receipts: list[Receipt]) -> tuple[int, list[int]]:
    """Return the number of the snapshot, and those of the deltas after it. Who was sent nothing missed everything."""
    sent = [frames[number] for number, _ in receipts]
    since = sent[0]["seq"] if sent else -1
    return since, [frame["seq"] for frame in sent if frame["type"] == "delta"]


def delays_of_deltas(watched: Watched) -> Iterator[float]:
    times = [_seconds(frame["now"]) if frame["type"] == "delta" else None for frame in watched.frames]
    for receipts in watched.receipts:
        for number, received_at in receipts:
            if (said_at := times[number]) is not None:
                yield 1000 * (received_at - said_at)


def delays_of_ends(watched: Watched, saga_ids: set[str], *, within: tuple[float, float]) -> Iterator[float]:
    """Yield for each viewer and saga that ended in this time how old its end was when it was first shown."""
    began, over = within
    ends = [[end for end in _ends(frame, saga_ids) if began <= end[1] <= over] for frame in watched.frames]
    for receipts in watched.receipts:
        shown: set[str] = set()
        for number, received_at in receipts:
            for saga_id, ended_at in ends[number]:
                if saga_id not in shown:
                    shown.add(saga_id)
                    yield 1000 * (received_at - ended_at)


def _ends(frame: dict[str, Any], saga_ids: set[str]) -> Iterator[tuple[str, float]]:
    for row in frame.get("sagas", ()):
        if row["ended_at"] and row["saga_id"] in saga_ids:
            yield row["saga_id"], _seconds(row["ended_at"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _delays(name: str, rounds: Iterable[list[float]]) -> list[Figure]:
    by_round = list(rounds)
    p50, p99 = ([percentile(delays, percent) for delays in by_round] for percent in (50, 99))
    return [
        Figure(name=f"{name}, p50", unit="ms", samples=p50),
        Figure(name=f"{name}, p99", unit="ms", samples=p99, target=LATE_MS),
    ]
