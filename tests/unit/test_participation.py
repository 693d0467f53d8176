"""A ledger's row is a small state machine: what a request makes of it, and what there is to say about it."""

from dataclasses import replace

import pytest

from saga import participation
from saga.definitions import DEFINITIONS, ONBOARDING, PATIENT, PERSISTENT
from saga.errors import StepFailed
from saga.messages import Action, Kind, SagaMessage
from saga.participation import Duty, Entry, Status, duty
from tests.support.sagas.factories import AT, attempt, entry, request, undo

NOTHING = participation.blank("saga-1", "provision")
NOW = "2026-01-01T00:01:00.000000Z"
DO, UNDO = Action.DO, Action.UNDO

# What a message makes its participant do: the same round, a higher round ("retry now"), the ledger's own timer.
DUTIES: dict[tuple[Status | None, Action], tuple[Duty, Duty, Duty]] = {
    (None, DO): (Duty.DO, Duty.DO, Duty.DO),
    (Status.TRYING, DO): (Duty.LEAVE, Duty.DO, Duty.DO),
    (Status.DONE, DO): (Duty.SAY_AGAIN,) * 3,
    (Status.FAILED, DO): (Duty.SAY_AGAIN,) * 3,
    (Status.REFUSED, DO): (Duty.SAY_AGAIN,) * 3,
    (Status.UNDOING, DO): (Duty.SAY_AGAIN,) * 3,
    (Status.STUCK, DO): (Duty.SAY_AGAIN,) * 3,
    (Status.UNDONE, DO): (Duty.SAY_AGAIN,) * 3,
    (None, UNDO): (Duty.REFUSE,) * 3,
    (Status.TRYING, UNDO): (Duty.REFUSE,) * 3,
    (Status.DONE, UNDO): (Duty.UNDO,) * 3,
    (Status.FAILED, UNDO): (Duty.SAY_AGAIN,) * 3,
    (Status.REFUSED, UNDO): (Duty.SAY_AGAIN,) * 3,
    (Status.UNDOING, UNDO): (Duty.LEAVE, Duty.UNDO, Duty.UNDO),
    (Status.STUCK, UNDO): (Duty.SAY_AGAIN, Duty.UNDO, Duty.UNDO),
    (Status.UNDONE, UNDO): (Duty.SAY_AGAIN,) * 3,
}
# What there is to say, by the row and what was asked.
WORDS: dict[tuple[Status, Action], tuple[Kind, int]] = {
    (Status.TRYING, DO): (Kind.RETRYING, 1),
    (Status.DONE, DO): (Kind.SUCCEEDED, 1),
    (Status.FAILED, DO): (Kind.FAILED, 1),
    (Status.REFUSED, DO): (Kind.FAILED, 1),
    (Status.UNDOING, DO): (Kind.FAILED, 1),
    (Status.STUCK, DO): (Kind.FAILED, 1),
    (Status.UNDONE, DO): (Kind.FAILED, 1),
    (Status.FAILED, UNDO): (Kind.UNDONE, 1),
    (Status.REFUSED, UNDO): (Kind.UNDONE, 1),
    (Status.UNDOING, UNDO): (Kind.UNDO_FAILED, 1),
    (Status.STUCK, UNDO): (Kind.STUCK, 1),
    (Status.UNDONE, UNDO): (Kind.UNDONE, 1),
}


def row(status: Status | None) -> Entry:
    return entry(status) if status else NOTHING


def asking(action: Action, **changes: int) -> SagaMessage:
    return request(**changes) if action is DO else undo(**changes)


def fail(before: Entry, error: Exception, message: SagaMessage) -> Entry:
    return participation.failed(before, error, message, at=NOW, later=lambda seconds: f"{seconds:g} s later")


def fail_often(times: int, message: SagaMessage, *, before: Entry = NOTHING) -> Entry:
    for _ in range(times):
        before = fail(before, OSError("no route"), message)
    return before


@pytest.fixture
def compensates_failed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINITIONS, "onboarding", replace(ONBOARDING, compensates_failed_step=True))


def test_the_table_of_duties_is_complete() -> None:
    assert DUTIES.keys() == {(status, action) for status in (None, *Status) for action in Action}


@pytest.mark.parametrize(("status", "action"), DUTIES, ids=lambda each: str(each or "nothing"))
def test_what_a_request_makes_its_participant_do(status: Status | None, action: Action) -> None:
    known, same = row(status), asking(action)
    higher = duty(known, asking(action, round=2))
    assert (duty(known, same), higher, duty(known, same, is_due=True)) == DUTIES[status, action]


@pytest.mark.usefixtures("compensates_failed_step")
def test_where_the_definition_says_so_a_step_that_failed_is_undone_as_well() -> None:
    assert duty(entry(Status.FAILED), undo()) is Duty.UNDO


@pytest.mark.parametrize("status", [Status.UNDOING, Status.STUCK])
def test_what_a_person_has_undone_is_undone_at_once(status: Status) -> None:
    assert duty(entry(status), undo(by_hand=True)) is Duty.UNDO


def test_what_is_closed_is_not_rolled_back() -> None:
    assert duty(entry(Status.DONE, None), undo(None)) is Duty.SAY_AGAIN


def test_a_roll_back_refuses_the_closing_in_advance() -> None:
    assert duty(participation.blank("saga-1", "close"), undo(None)) is Duty.REFUSE


class TestAttempts:
    def test_a_failed_attempt_is_written_down_with_its_error_and_the_time_of_the_next(self) -> None:
        after = fail(NOTHING, OSError("no route"), request(round=3))
        assert (after.status, after.version, after.next_at, after.round) == (Status.TRYING, 1, "0.5 s later", 3)
        [kept] = after.attempts
        assert kept == attempt(round=3, at=NOW, next_at="0.5 s later")

    def test_nothing_is_decided_as_long_as_there_is_another_attempt(self) -> None:
        assert [fail_often(times, request()).decided_at for times in (1, 5, 6)] == [None, None, NOW]

    def test_the_waits_follow_the_policy_of_the_step(self) -> None:
        waits = [one.next_at for one in fail_often(PATIENT.maximum_attempts, request()).attempts]
        assert waits == ["0.5 s later", "1 s later", "2 s later", "4 s later", "4 s later", None]

    def test_the_last_attempt_of_the_policy_fails_the_step(self) -> None:
        assert fail_often(5, request()).status is Status.TRYING
        last = fail_often(6, request())
        assert (last.status, last.decided_at, last.next_at, last.reason) == (Status.FAILED, NOW, None, "no route")

    def test_an_error_that_cannot_be_helped_fails_the_step_at_once(self) -> None:
        after = fail(NOTHING, StepFailed("no room"), request())
        assert (after.status, after.reason, len(after.attempts)) == (Status.FAILED, "no room", 1)

    def test_a_compensation_may_not_abort_whatever_the_error(self) -> None:
        after = fail(entry(Status.DONE), StepFailed("no room"), undo())
        assert (after.status, after.next_at, after.decided_at) == (Status.UNDOING, "0.5 s later", AT)

    def test_a_compensation_is_stuck_after_the_last_attempt_of_its_policy(self) -> None:
        most = PERSISTENT.maximum_attempts
        assert fail_often(most - 1, undo(), before=entry(Status.DONE)).status is Status.UNDOING
        assert fail_often(most, undo(), before=entry(Status.DONE)).status is Status.STUCK

    def test_another_round_begins_the_policy_anew_and_counts_on(self) -> None:
        stuck = fail_often(8, undo(), before=entry(Status.DONE))
        again = fail(stuck, OSError("no route"), undo(round=2))
        assert (again.status, again.attempts[-1].number, again.attempts[-1].next_at) == (
            Status.UNDOING,
            9,
            "0.5 s later",
        )

    def test_attempts_at_a_step_and_at_its_compensation_are_counted_apart(self) -> None:
        tried = participation.done(fail_often(2, request()), {}, at=NOW)
        after = fail(tried, OSError("no route"), undo())
        assert [(one.action, one.number) for one in after.attempts] == [(DO, 1), (DO, 2), (UNDO, 1)]
        assert after.next_at == "0.5 s later"

    def test_an_error_without_words_is_called_by_its_name(self) -> None:
        assert fail(NOTHING, TimeoutError(), request()).reason == "TimeoutError"

    def test_an_error_is_kept_in_a_bounded_text(self) -> None:
        assert len(fail(NOTHING, OSError("x" * 10**6), request()).reason or "") == 500


class TestDecisions:
    def test_a_step_done_after_failures_keeps_them(self) -> None:
        before = fail_often(2, request())
        after = participation.done(before, {"device_id": "WS-1"}, at=NOW)
        assert (after.status, after.attempts, after.version) == (Status.DONE, before.attempts, 3)
        assert (after.result, after.decided_at, after.next_at) == ({"device_id": "WS-1"}, NOW, None)

    def test_a_step_undone_keeps_what_it_achieved_and_when(self) -> None:
        before = entry(Status.DONE)
        after = participation.undone(before, at=NOW)
        assert (after.status, after.result, after.decided_at, after.undone_at) == (
            Status.UNDONE,
            before.result,
            AT,
            NOW,
        )

    def test_a_step_refused_while_it_was_tried_is_not_tried_again(self) -> None:
        before = fail_often(1, request())
        after = participation.refused(before, at=NOW)
        assert (after.status, after.next_at, after.attempts) == (Status.REFUSED, None, before.attempts)

    @pytest.mark.parametrize("status", Status)
    def test_every_change_counts_the_version(self, status: Status) -> None:
        before = entry(status)
        changed = [
            participation.done(before, {}, at=NOW),
            participation.undone(before, at=NOW),
            participation.refused(before, at=NOW),
            fail(before, OSError("no route"), undo()),
        ]
        assert [after.version for after in changed] == [before.version + 1] * 4


class TestWords:
    @pytest.mark.parametrize(("status", "action"), WORDS, ids=str)
    def test_what_there_is_to_say_follows_from_the_row(self, status: Status, action: Action) -> None:
        said = participation.said(entry(status), asking(action))
        assert (said and (said.kind, said.attempt)) == WORDS[status, action]

    @pytest.mark.parametrize(("status", "action"), WORDS, ids=str)
    def test_everything_said_has_its_time(self, status: Status, action: Action) -> None:
        said = participation.said(entry(status), asking(action))
        assert said
        assert said.at == AT

    def test_a_success_tells_the_result_and_counts_the_failures_before(self) -> None:
        said = participation.said(entry(attempts=(attempt(1), attempt(2))), request())
        assert said == (Kind.SUCCEEDED, 3, AT, {"result": entry().result})

    def test_a_failure_tells_its_error_and_when_the_next_attempt_is(self) -> None:
        said = participation.said(entry(Status.TRYING), request())
        assert said == (Kind.RETRYING, 1, AT, {"error": "no route", "next_attempt_at": attempt().next_at})

    def test_the_last_failure_tells_of_no_further_attempt(self) -> None:
        said = participation.said(entry(Status.FAILED), request())
        assert said == (Kind.FAILED, 1, AT, {"error": "no route"})

    def test_a_step_that_was_taken_back_before_it_was_done_is_called_refused(self) -> None:
        asked, taken_back = (participation.said(entry(Status.REFUSED), one) for one in (request(), undo()))
        assert asked
        assert taken_back
        assert (asked.detail["refused"], taken_back.detail["refused"]) == (True, True)

    def test_a_compensation_that_finds_a_failed_step_says_that_it_failed(self) -> None:
        said = participation.said(entry(Status.FAILED), undo(reason="no badge"))
        assert said
        assert said.detail == {"reason": "no badge", "failed": True, "error": "no route"}

    def test_an_undo_tells_why(self) -> None:
        said = participation.said(entry(Status.UNDONE), undo(reason="no room"))
        assert said == (Kind.UNDONE, 1, AT, {"reason": "no room"})

    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            pytest.param(Status.DONE, request(None), Kind.COMPLETED, id="closed"),
            pytest.param(Status.DONE, undo(None), Kind.COMPLETED, id="rolled back too late"),
            pytest.param(Status.REFUSED, undo(None), Kind.UNDOING, id="rolled back"),
            pytest.param(Status.REFUSED, request(None), None, id="closed too late"),
        ],
    )
    def test_of_the_closing_there_is_to_say(self, status: Status, message: SagaMessage, kind: Kind | None) -> None:
        said = participation.said(entry(status, None), message)
        assert (said and said.kind) == kind
