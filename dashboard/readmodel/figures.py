"""What has happened so far, in figures that only grow: for /metrics, which adds nothing to them.

They are kept in the read model and counted in the transaction that writes the rows. So a thing counts once, however
often it is told and whoever projects it; every web process says the same; and no figure falls when a process ends.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime

from dashboard.models import Figures
from saga.messages import Kind, TraceEvent
from saga.state import SagaState, StepState

# The upper bounds of a histogram's buckets, in seconds; one more holds all that took longer.
BUCKETS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
RETRIES = "retries"
STEP_SECONDS = "step_seconds"
SAGA_SECONDS = "saga_seconds"
PROJECTION_DELAY_SECONDS = "projection_delay_seconds"
REFUSED = "refused"
_TRYING_AGAIN = frozenset({Kind.RETRYING, Kind.UNDO_FAILED})
_COUNTED = _TRYING_AGAIN | {Kind.SUCCEEDED, Kind.FAILED, Kind.UNDONE, Kind.STUCK}

# A counter is a list of one number. A histogram is the sum of what was observed, then how many are in each bucket.
Series = list[float]


class Counts:
    """Series by what is counted and by labels, whose values must come from a small set: no ids, nothing typed in."""

    def __init__(self, known: str = "{}") -> None:
        self._series: dict[str, dict[str, Series]] = json.loads(known)
        self._oldest: str | None = None

    def hear(self, before: SagaState, event: TraceEvent, after: SagaState) -> None:
        """Count what `event`, which led from one state to the other, tells of a step. What was known counts nothing."""
        if event.kind not in _COUNTED:
            return
        for old, new in zip(before.steps, after.steps, strict=True):
            if new.name == event.step and new.mark != old.mark:
                self._oldest = min(self._oldest or event.at, event.at)
                self._count_step(new, event)

    def hear_end(self, state: SagaState, *, scenario: str, style: str, started_at: str) -> None:
        """Count a saga that has just ended."""
        if state.end and state.ended_at:
            self.observe(SAGA_SECONDS, (started_at, state.ended_at), scenario, style, state.end)

    def count(self, name: str, *labels: str) -> None:
        self._series_of(name, labels, size=1)[0] += 1

    def observe(self, name: str, span: tuple[str, str], *labels: str) -> None:
        """Add how long it is from one time to another (RFC 3339)."""
        seconds = _seconds(*span)
        series = self._series_of(name, labels, size=2 + len(BUCKETS_S))
        series[0] += seconds
        series[1 + bisect_left(BUCKETS_S, seconds)] += 1

    def of(self, name: str) -> Iterator[tuple[list[str], Series]]:
        """Yield (values of the labels, series) for all that is counted under a name."""
        for labels, series in self._series.get(name, {}).items():
            yield labels.split("|") if labels else [], series

    def save(self, *, at: str) -> None:
        """Add all of it to what is kept. `at` is the time now. Call it inside the transaction that writes the rows."""
        if self._oldest:
            self.observe(PROJECTION_DELAY_SECONDS, (self._oldest, at))
        if self._series:
            row, _ = Figures.objects.select_for_update().get_or_create(pk=1)
            Figures.objects.filter(pk=1).update(counts=json.dumps(self._added_to(json.loads(row.counts))))

    def _count_step(self, step: StepState, event: TraceEvent) -> None:
        if event.kind in _TRYING_AGAIN:
            self.count(RETRIES, step.service, step.name, event.action)
        elif step.since:
            self.observe(STEP_SECONDS, (step.since, event.at), step.service, step.name, *_outcome(event))

    def _series_of(self, name: str, labels: Sequence[str], *, size: int) -> Series:
        counted, key = self._series.setdefault(name, {}), "|".join(labels)
        if key not in counted:
            counted[key] = [0] * size
        return counted[key]

    def _added_to(self, kept: dict[str, dict[str, Series]]) -> dict[str, dict[str, Series]]:
        for name, counted in self._series.items():
            known = kept.setdefault(name, {})
            known |= {labels: _sum(known.get(labels, []), series) for labels, series in counted.items()}
        return kept


def current() -> Counts:
    """Return what is kept."""
    row = Figures.objects.first()
    return Counts(row.counts) if row else Counts()


def _sum(known: Series, series: Series) -> Series:
    """Add them up. What was kept with other buckets, by another version, begins anew, as after a restart."""
    return [a + b for a, b in zip(known, series, strict=True)] if len(known) == len(series) else series


def _outcome(event: TraceEvent) -> Sequence[str]:
    """What was refused, as its compensation came first, or had failed before that, was not undone, and took no time."""
    took_no_time = event.detail.get("refused") or event.detail.get("failed")
    return (event.action, REFUSED if took_no_time else event.kind)


def _seconds(earlier: str, later: str) -> float:
    passed = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, passed.total_seconds())  # where two clocks differ, an effect can seem to come before its cause
