"""A ledger holds each effect once; a change is written only over the version that it was made from."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connections

from consumers import inspection
from consumers.ledger import Change, Ledger
from consumers.models import Effect
from saga import participation
from saga.bus import Record
from saga.digests import digest_of, tally_of
from saga.messages import Action
from saga.participation import Entry, Status
from tests.support.sagas.factories import AT, LATER, attempt, entry, outgoing, record, request

pytestmark = pytest.mark.django_db(databases=["provisioner", "authorizer"])

FIRST = entry()
OTHER = replace(FIRST, result={"device_id": "WS-9"}, decided_at=LATER)
CLAIMED = "2026-01-02T00:00:00Z"
UNTIL = {"until": CLAIMED, "latest": "9999-12-31T00:00:00Z"}
ASKED = record(outgoing(request()).value, partition=3, offset=17)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("provisioner")


def changes(entries: Iterable[Entry]) -> list[Change]:
    return [Change(each, ASKED) for each in entries]


def waiting(number: int, next_at: str) -> Change:
    """Return a row that waits for its next attempt, and the request that asked for it."""
    asked = request(saga_id=f"saga-{number}")
    kept = Record(topic="new-user", partition=1, offset=number, key=b"saga", value=outgoing(asked).value)
    tried = entry(Status.TRYING, saga_id=f"saga-{number}", attempts=(attempt(next_at=next_at),))
    return Change(tried, kept)


@pytest.mark.parametrize("status", Status)
def test_what_was_recorded_is_found_as_it_was(ledger: Ledger, status: Status) -> None:
    ledger.record(changes([entry(status)]))
    assert ledger.find(["saga-1", "saga-2"]) == {("saga-1", "provision"): entry(status)}


def test_every_attempt_is_kept_with_its_error_and_its_time(ledger: Ledger) -> None:
    attempts = (attempt(1), attempt(2, error="Zoë \x00 “%s”"), attempt(1, Action.UNDO, round=2, at=LATER, next_at=None))
    ledger.record(changes([entry(attempts=attempts)]))
    assert ledger.find(["saga-1"])[FIRST.key].attempts == attempts


def test_recording_returns_what_stands(ledger: Ledger) -> None:
    assert ledger.record(changes([FIRST])) == {FIRST.key: FIRST}


def test_whoever_records_an_effect_second_is_given_the_first_one(ledger: Ledger) -> None:
    ledger.record(changes([FIRST]))
    assert ledger.record(changes([OTHER])) == {FIRST.key: FIRST}
    assert ledger.find(["saga-1"]) == {FIRST.key: FIRST}


def test_a_change_is_written_over_the_version_that_it_was_made_from(ledger: Ledger) -> None:
    ledger.record(changes([FIRST]))
    after = participation.undone(FIRST, at=LATER)
    assert ledger.record(changes([after])) == {FIRST.key: after} == ledger.find(["saga-1"])


def test_of_two_changes_to_one_version_the_first_one_stands(ledger: Ledger) -> None:
    ledger.record(changes([FIRST]))
    first, second = participation.undone(FIRST, at=AT), participation.undone(FIRST, at=LATER)
    ledger.record(changes([first]))
    assert ledger.record(changes([second])) == {FIRST.key: first} == ledger.find(["saga-1"])


def test_a_change_to_a_row_that_is_not_there_is_not_written(ledger: Ledger) -> None:
    assert ledger.record(changes([participation.undone(FIRST, at=LATER)])) == {}


def test_in_one_batch_new_effects_are_recorded_beside_known_ones(ledger: Ledger) -> None:
    new, undone = replace(FIRST, saga_id="saga-2"), participation.undone(replace(FIRST, saga_id="saga-3"), at=LATER)
    ledger.record(changes([FIRST, replace(FIRST, saga_id="saga-3")]))
    assert ledger.record(changes([OTHER, new, undone])) == {FIRST.key: FIRST, new.key: new, undone.key: undone}


def test_a_batch_with_an_entry_that_cannot_be_written_is_not_written_at_all(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        ledger.record(changes([FIRST, replace(FIRST, saga_id="saga-2", result={"device_id": object()})]))
    assert ledger.find(["saga-1", "saga-2"]) == {}


def test_a_batch_that_fails_half_way_is_not_written_at_all(ledger: Ledger) -> None:
    def fail_to_update(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.lstrip().startswith("UPDATE"):
            raise OperationalError("database or disk is full")
        return execute(sql, *rest)

    ledger.record(changes([FIRST]))
    new, undone = replace(FIRST, saga_id="saga-2"), participation.undone(FIRST, at=LATER)
    with connections["provisioner"].execute_wrapper(fail_to_update), pytest.raises(OperationalError):
        ledger.record(changes([new, undone]))
    assert ledger.find(["saga-1", "saga-2"]) == {FIRST.key: FIRST}


@pytest.mark.parametrize("write", ["a new row", "a change", "what was said"])
def test_all_write_in_one_order_so_that_two_never_wait_for_each_other(ledger: Ledger, write: str) -> None:
    rows = [entry(saga_id=saga_id) for saga_id in ("saga-3", "saga-1", "saga-2")]
    if write != "a new row":
        ledger.record(changes(rows))
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if many:
            written.extend(value for row in params for value in row if str(value).startswith("saga-"))
        return execute(sql, params, many, context)

    with connections["provisioner"].execute_wrapper(watch):
        if write == "what was said":
            ledger.settle(rows)
        else:
            ledger.record(changes(rows if write == "a new row" else [participation.undone(row, at=AT) for row in rows]))
    assert written == ["saga-1", "saga-2", "saga-3"]


def test_steps_of_one_saga_stand_side_by_side(ledger: Ledger) -> None:
    closed = entry(step=None)
    ledger.record(changes([FIRST, closed]))
    assert ledger.find(["saga-1"]) == {FIRST.key: FIRST, ("saga-1", "close"): closed}


def test_no_service_sees_the_ledger_of_another(ledger: Ledger) -> None:
    ledger.record(changes([FIRST]))
    assert Ledger("authorizer").find(["saga-1"]) == {}


def test_a_result_keeps_every_character(ledger: Ledger) -> None:
    odd = replace(FIRST, result={"text": "Zoë \x00 “%s” \U0001f600", "nested": [1, None, {"a": 0.5}]})
    ledger.record(changes([odd]))
    assert ledger.find(["saga-1"])[odd.key] == odd


def test_the_closing_of_a_saga_is_no_effect_on_the_world(ledger: Ledger) -> None:
    ledger.record(changes([FIRST, entry(step=None)]))
    assert list(inspection.of_ledger("provisioner").of(["saga-1"])) == [("provision", "done", digest_of("saga-1"))]


@pytest.mark.parametrize("at_once", [1, 2, 5, 6])
def test_however_few_sagas_an_auditor_asks_for_at_once_each_is_seen(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(inspection, "_FETCH", at_once)
    saga_ids = [f"saga-{number}" for number in range(5)]
    ledger.record(changes(replace(FIRST, saga_id=saga_id) for saga_id in saga_ids))
    seen = [digest for _, _, digest in inspection.of_ledger("provisioner").of(saga_ids)]
    assert sorted(seen) == sorted(map(digest_of, saga_ids))


def test_a_database_tallies_its_rows_as_they_are_tallied_when_they_are_at_hand(ledger: Ledger) -> None:
    saga_ids = {status: [f"{status}-{number}" for number in range(5)] for status in (Status.DONE, Status.FAILED)}
    ledger.record(changes(entry(status, saga_id=one) for status, some in saga_ids.items() for one in some))
    assert inspection.of_ledger("provisioner").tallies() == {
        ("provision", str(status)): tally_of(map(digest_of, some)) for status, some in saga_ids.items()
    }


def test_a_thousand_sagas_are_found_at_once(ledger: Ledger) -> None:
    entries = [replace(FIRST, saga_id=f"saga-{number}") for number in range(1000)]
    ledger.record(changes(entries))
    assert len(ledger.find([each.saga_id for each in entries])) == 1000


def test_what_is_forgotten_is_gone_with_all_its_steps_and_nothing_else_is(ledger: Ledger) -> None:
    kept = replace(FIRST, saga_id="saga-2")
    ledger.record(changes([FIRST, entry(step=None), kept]))
    ledger.forget(["saga-1", "never-heard-of"])
    assert ledger.find(["saga-1", "saga-2"]) == {kept.key: kept}


class TestTimer:
    def test_where_nothing_waits_nothing_is_due(self, ledger: Ledger) -> None:
        ledger.record(changes([FIRST]))
        assert (ledger.claim(LATER, **UNTIL, limit=10), ledger.next_at()) == ([], None)

    def test_what_is_due_comes_back_as_it_was_asked_for_longest_overdue_first(self, ledger: Ledger) -> None:
        late, later, not_yet = waiting(1, "2026-01-01T00:00:02Z"), waiting(2, AT), waiting(3, "2026-01-01T00:00:09Z")
        ledger.record([late, later, not_yet])
        assert ledger.claim("2026-01-01T00:00:05Z", **UNTIL, limit=10) == [later.record, late.record]

    def test_what_one_instance_has_taken_no_other_gets_until_then(self, ledger: Ledger) -> None:
        one = waiting(1, AT)
        ledger.record([one])
        taken = [ledger.claim(now, **UNTIL, limit=10) for now in (LATER, LATER, CLAIMED)]
        assert (taken, ledger.next_at()) == ([[one.record], [], [one.record]], CLAIMED)

    def test_what_can_be_read_no_more_is_dropped_alone(self, ledger: Ledger) -> None:
        one, other = waiting(1, AT), waiting(2, AT)
        ledger.record([one, other])
        ledger.drop([one.record])
        assert ledger.claim(LATER, **UNTIL, limit=10) == [other.record]

    def test_at_most_so_many_come_at_once(self, ledger: Ledger) -> None:
        ledger.record([waiting(number, AT) for number in range(5)])
        assert len(ledger.claim(LATER, **UNTIL, limit=3)) == 3

    @pytest.mark.parametrize("status", [Status.DONE, Status.FAILED, Status.REFUSED])
    def test_what_is_decided_waits_no_longer(self, ledger: Ledger, status: Status) -> None:
        tried = waiting(1, AT)
        ledger.record([tried])
        ledger.record([Change(replace(tried.entry, status=status, version=2), tried.record)])
        assert (ledger.claim(LATER, **UNTIL, limit=10), ledger.next_at()) == ([], None)

    @pytest.mark.parametrize("status", Status)
    def test_a_request_is_kept_only_while_another_attempt_is_to_come(self, ledger: Ledger, status: Status) -> None:
        ledger.record(changes([entry(status)]))
        [kept] = Effect.objects.using("provisioner").values_list("request", flat=True)
        assert (kept is not None) == (status in (Status.TRYING, Status.UNDOING))

    def test_a_compensation_waits_for_its_next_attempt_as_a_step_does(self, ledger: Ledger) -> None:
        ledger.record(changes([entry(Status.UNDOING)]))
        assert (ledger.claim(LATER, **UNTIL, limit=10), ledger.next_at()) == ([ASKED], CLAIMED)

    def test_what_was_changed_since_waits_on_though_what_stood_before_has_been_said(self, ledger: Ledger) -> None:
        """Else the next attempt of a compensation would be lost while the answer to its step was said."""
        ledger.record([Change(FIRST, ASKED, LATER)])
        ledger.record([Change(replace(entry(Status.UNDOING), version=2), ASKED)])
        ledger.settle([FIRST])
        assert ledger.claim(LATER, **UNTIL, limit=10) == [ASKED]

    def test_what_is_stuck_waits_for_a_person(self, ledger: Ledger) -> None:
        ledger.record(changes([entry(Status.STUCK)]))
        assert ledger.next_at() is None
