"""How long steps, sagas and the projection took is measured from their own beginning, and never made up."""

import json

import pytest

from dashboard.models import Figures, Saga
from dashboard.readmodel import figures
from dashboard.readmodel.figures import BUCKETS_S, Counts
from saga.messages import Kind, TraceEvent
from saga.state import COMPENSATED, COMPLETED
from tests.support.dashboard.factories import accept, at, compensation, completion, event, say, trace
from tests.support.dashboard.metrics import AUTHORIZE, figure, observed, on_step, retried, step_seconds, undo_of_step

pytestmark = pytest.mark.django_db


def test_the_duration_of_a_step_holds_its_retries_and_their_pauses() -> None:
    [saga_id] = accept()
    say(*retried(saga_id))
    assert step_seconds("succeeded") == (1, 6.0)


def test_a_duration_is_in_its_bucket_and_in_all_wider_ones() -> None:
    [saga_id] = accept()
    say(*retried(saga_id))
    labels = {**AUTHORIZE, "action": "do", "outcome": "succeeded"}
    told = [figure("step_seconds_bucket", **labels, le=str(bound)) for bound in (*BUCKETS_S, "+Inf")]
    assert told == [float(bound == "+Inf" or bound >= 6.0) for bound in (*BUCKETS_S, "+Inf")]


@pytest.mark.parametrize(
    ("events", "outcome", "action"),
    [
        pytest.param([on_step(Kind.RECEIVED, 1), on_step(Kind.FAILED, 4)], "failed", "do", id="failed"),
        pytest.param([undo_of_step(Kind.UNDOING, 1), undo_of_step(Kind.UNDONE, 4)], "undone", "undo", id="undone"),
        pytest.param(
            [undo_of_step(Kind.UNDOING, 1), undo_of_step(Kind.STUCK, 4, attempt=8)], "stuck", "undo", id="stuck"
        ),
        pytest.param(
            [on_step(Kind.RECEIVED, 1), on_step(Kind.FAILED, 4, detail={"refused": True})],
            "refused",
            "do",
            id="refused",
        ),
        pytest.param(
            [undo_of_step(Kind.UNDOING, 1), undo_of_step(Kind.UNDONE, 4, detail={"failed": True})],
            "refused",
            "undo",
            id="had failed",
        ),
    ],
)
def test_every_outcome_has_its_own_durations(events: list[TraceEvent], outcome: str, action: str) -> None:
    [saga_id] = accept()
    say(*(trace(saga_id, one) for one in events))
    assert step_seconds(outcome, action) == (1, 3.0)


def test_an_undo_is_measured_from_its_own_beginning() -> None:
    [saga_id] = accept()
    said = [*retried(saga_id), trace(saga_id, undo_of_step(Kind.UNDOING, 20), undo_of_step(Kind.UNDONE, 21))]
    say(*said)
    assert (step_seconds("succeeded"), step_seconds("undone", "undo")) == ((1, 6.0), (1, 1.0))


def test_clocks_that_differ_make_no_negative_duration() -> None:
    [saga_id] = accept()
    say(trace(saga_id, on_step(Kind.RECEIVED, 9)), trace(saga_id, on_step(Kind.SUCCEEDED, 7)))
    assert step_seconds("succeeded") == (1, 0.0)


def test_of_a_step_whose_beginning_was_not_heard_no_duration_is_made_up() -> None:
    [saga_id] = accept()
    say(trace(saga_id, on_step(Kind.SUCCEEDED, 7)))
    assert step_seconds("succeeded") == (0, 0.0)


def test_a_saga_is_measured_from_its_acceptance_to_its_end() -> None:
    first, second = accept(2)
    Saga.objects.update(started_at=at(0))
    say(completion(first, second=30), compensation(second, second=40))
    about = {"scenario": "onboarding", "style": "choreography"}
    assert observed("saga_seconds", **about, end=COMPLETED) == (1, pytest.approx(30))
    assert observed("saga_seconds", **about, end=COMPENSATED) == (1, pytest.approx(40))


def test_the_delay_is_that_of_the_oldest_news_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    [saga_id] = accept()
    monkeypatch.setattr("dashboard.readmodel.projection.utc_now", lambda: at(9))
    say(*retried(saga_id))
    say(*retried(saga_id))
    assert observed("projection_delay_seconds") == (1, 7.0)


def test_waiting_in_the_outbox_is_no_delay_of_the_projection(monkeypatch: pytest.MonkeyPatch) -> None:
    [saga_id] = accept()
    monkeypatch.setattr("dashboard.readmodel.projection.utc_now", lambda: at(9))
    say(trace(saga_id, event(Kind.STARTED, service="dashboard", at=at(0), hop=0)))
    assert observed("projection_delay_seconds") == (0, 0.0)


def test_figures_kept_with_other_buckets_begin_anew() -> None:
    Figures.objects.create(pk=1, counts=json.dumps({figures.SAGA_SECONDS: {"a|b|c": [9.0, 9]}}))
    counts = Counts()
    counts.observe(figures.SAGA_SECONDS, (at(1), at(3)), "a", "b", "c")
    counts.save(at=at(0))
    [(labels, (total, *counts))] = figures.current().of(figures.SAGA_SECONDS)
    assert (labels, total, sum(counts)) == (["a", "b", "c"], 2.0, 1)
