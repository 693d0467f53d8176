"""Do the ledgers hold what the read model says? Their tallies tell; where these differ, every saga is looked at."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection

from saga.definitions import DEFINITIONS, ORCHESTRATION, Step
from saga.digests import TALLY_SQL, Tally, digest_of, tally_of
from saga.participation import STANDING, Status
from saga.state import COMPENSATED, COMPLETED

# What is compared saga by saga at once: the more, the more memory it takes.
PART_SAGAS = 200_000
_FETCH = 10_000
# "+ 0", so that the places are no reason to leave the index that holds the digests.
_ENDED = "FROM dashboard_saga WHERE finished IS NOT NULL AND finished + 0 > %s AND finished + 0 <= %s"

_ENDS = (COMPLETED, COMPENSATED)

# The scenario, style and status of a saga.
Group = tuple[str, str, str]
# The step and status of an effect; in the coordinator's log "end", and how the saga ended.
EffectState = tuple[str, str]
# The same, and the digest of the saga's id.
Row = tuple[str, str, int]


class Book(Protocol):
    """What a service, or the coordinator, has written down, in the database `alias`."""

    alias: str

    def tallies(self) -> Mapping[EffectState, Tally]: ...
    def digests(self, step: str, status: str, *, part: int = 0, parts: int = 1) -> list[int]: ...
    def of(self, saga_ids: Sequence[str]) -> Iterable[Row]: ...


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was compared, and by step (or by status, for the log) how many rows are not as they should be."""

    completed: int
    compensated: int
    effects: int
    logged: int
    lacking: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    unlogged: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)


class Ended:
    """The sagas with places above `after` and up to `up_to` in the order of finishing."""

    def __init__(self, *, after: int, up_to: int) -> None:
        self._places = (after, up_to)

    def tallies(self) -> dict[Group, Tally]:
        grouped = f"SELECT status, scenario, style, {TALLY_SQL} {_ENDED} GROUP BY status, scenario, style"
        return {
            (scenario, style, status): Tally(count, int(low), int(high))
            for status, scenario, style, count, low, high in self._select(grouped)
        }

    def digests(self, group: Group, *, part: int = 0, parts: int = 1) -> set[int]:
        """Return the digests of one group, or of one of so many parts of all sagas."""
        condition = "scenario = %s AND style = %s AND status = %s AND digest %% %s = %s"
        return {digest for (digest,) in self._select(f"SELECT digest {_ENDED} AND {condition}", *group, parts, part)}

    def _select(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, [*self._places, *values])
            while rows := cursor.fetchmany(_FETCH):
                yield from rows


class Comparison:
    """Compares sagas that have ended with what was written down. `unsettled` are the ids of all others."""

    def __init__(self, ended: Ended, unsettled: Sequence[str], *, ledgers: Sequence[Book], log: Book | None) -> None:
        self._ended = ended
        self._unsettled = unsettled
        self._ledgers = ledgers
        self._log = log

    def findings(self) -> Findings:
        ended, effects = self._ended.tallies(), _together(ledger.tallies() for ledger in self._ledgers)
        logged = self._log.tallies() if self._log else {}
        findings = Findings(
            completed=_count(ended, COMPLETED),
            compensated=_count(ended, COMPENSATED),
            effects=sum(tally.rows for tally in effects.values()),
            logged=sum(tally.rows for tally in logged.values()),
        )
        if not (self._ledgers_agree(ended, effects) and self._log_agrees(ended, logged)):
            parts = 1 + (findings.completed + findings.compensated) // PART_SAGAS
            for part in range(parts):
                self._look_at_each(findings, ended, effects, part=part, parts=parts)
        return findings

    def _ledgers_agree(self, ended: Mapping[Group, Tally], effects: Mapping[EffectState, Tally]) -> bool:
        """Tell by tallies whether there is nothing to find.

        What stands, that of unsettled sagas taken away, has to be the steps of completed sagas: then none is lacking,
        none is left over from a compensated one, none is a stranger's and none is there twice. What does not stand is
        little, as a rule, and need not be there; it has to be of sagas that were compensated, or are unsettled.
        """
        unsettled = [row for ledger in self._ledgers for row in ledger.of(self._unsettled)]
        settled = _without(effects, unsettled)
        standing = {state: tally for state, tally in settled.items() if state[1] in STANDING and any(tally)}
        done = {(step, str(Status.DONE)): tally for step, tally in _steps_of_completed(ended).items()}
        is_once = not _repeats((step, digest) for step, _, digest in unsettled)
        return standing == done and is_once and self._others_are_excused(ended, effects)

    def _others_are_excused(self, ended: Mapping[Group, Tally], effects: Iterable[EffectState]) -> bool:
        others: dict[str, list[str]] = defaultdict(list)
        for step, status in effects:
            if status != Status.DONE:
                others[step].append(status)
        excused = {digest_of(saga_id) for saga_id in self._unsettled}
        excused.update(*(self._ended.digests(group) for group in ended if others and group[2] == COMPENSATED))
        return all(self._are_excused(step, statuses, excused) for step, statuses in others.items())

    def _are_excused(self, step: str, statuses: Iterable[str], excused: set[int]) -> bool:
        """Is each row of one of these sagas, and the only one for its step?"""
        digests = [digest for status in statuses for digest in self._recorded(step, status)]
        return excused.issuperset(digests) and len(set(digests)) == len(digests)

    def _recorded(self, step: str, status: str, **some: int) -> list[int]:
        return [digest for ledger in self._ledgers for digest in ledger.digests(step, status, **some)]

    def _log_agrees(self, ended: Mapping[Group, Tally], logged: Mapping[EffectState, Tally]) -> bool:
        rows = self._log.of(self._unsettled) if self._log else ()
        ends = {status: tally for (_, status), tally in _without(logged, rows).items() if any(tally)}
        return ends == _ends_of_orchestrated(ended)

    def _look_at_each(
        self, findings: Findings, groups: Iterable[Group], states: Iterable[EffectState], **some: int
    ) -> None:
        """Add what is wrong with one of so many parts of all sagas."""
        ended = {group: self._ended.digests(group, **some) for group in groups}
        effects: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for step, status in states:
            effects[step][status] = self._recorded(step, status, **some)
        log = {digest: how for how in _ENDS for digest in (self._log.digests("end", how, **some) if self._log else ())}
        everyone = set().union(*ended.values(), (digest_of(saga_id) for saga_id in self._unsettled))
        _find_lacking(findings.lacking, ended, effects)
        _find_left(findings.left, ended, effects)
        _find_unlogged(findings.unlogged, ended, log)
        for step, found in effects.items():
            known = set().union(*found.values())
            findings.repeated[step] += sum(map(len, found.values())) - len(known)
            findings.strange[step] += len(known - everyone)


def _together(tallies: Iterable[Mapping[EffectState, Tally]]) -> dict[EffectState, Tally]:
    total: dict[EffectState, Tally] = {}
    for some in tallies:
        total |= {state: total.get(state, Tally()).plus(tally) for state, tally in some.items()}
    return total


def _without(tallies: Mapping[EffectState, Tally], rows: Iterable[Row]) -> dict[EffectState, Tally]:
    digests: dict[EffectState, list[int]] = defaultdict(list)
    for step, status, digest in rows:
        digests[step, status].append(digest)
    return {state: tally.minus(tally_of(digests[state])) for state, tally in tallies.items()}


def _steps_of_completed(ended: Mapping[Group, Tally]) -> dict[str, Tally]:
    """Return the tallies that the steps of completed sagas must have."""
    wanted: dict[str, Tally] = {}
    for (scenario, _, status), tally in ended.items():
        for step in _steps_of(scenario) if status == COMPLETED else ():
            wanted[step.name] = wanted.get(step.name, Tally()).plus(tally)
    return wanted


def _steps_of(scenario: str) -> tuple[Step, ...]:
    """Return the steps of a scenario, none if only another version knows it."""
    return DEFINITIONS[scenario].steps if scenario in DEFINITIONS else ()


def _ends_of_orchestrated(ended: Mapping[Group, Tally]) -> dict[str, Tally]:
    """Return the tallies that the ends in the coordinator's log must have."""
    wanted: dict[str, Tally] = {}
    for (_, style, status), tally in ended.items():
        if style == ORCHESTRATION:
            wanted[status] = wanted.get(status, Tally()).plus(tally)
    return wanted


def _repeats(keys: Iterable[tuple[str, int]]) -> bool:
    counted = Counter(keys)
    return counted.total() > len(counted)


def _find_lacking(lacking: Counter[str], ended: Mapping[Group, set[int]], effects: Mapping[str, Any]) -> None:
    done = {step: set(found.get(str(Status.DONE), ())) for step, found in effects.items()}
    for (scenario, _, status), digests in ended.items():
        for step in _steps_of(scenario) if status == COMPLETED else ():
            lacking[step.name] += len(digests - done.get(step.name, set()))


def _find_left(left: Counter[str], ended: Mapping[Group, set[int]], effects: Mapping[str, Any]) -> None:
    compensated = set().union(*(digests for (_, _, status), digests in ended.items() if status == COMPENSATED))
    for step, found in effects.items():
        left[step] += len(compensated & set().union(*(found.get(str(status), ()) for status in STANDING)))


def _find_unlogged(unlogged: Counter[str], ended: Mapping[Group, set[int]], log: Mapping[int, str]) -> None:
    for (_, style, status), digests in ended.items():
        if style == ORCHESTRATION:
            unlogged[status] += sum(log.get(digest) != status for digest in digests)


def _count(ended: Mapping[Group, Tally], wanted: str) -> int:
    return sum(tally.rows for (_, _, status), tally in ended.items() if status == wanted)
