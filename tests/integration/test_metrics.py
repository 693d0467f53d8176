"""What Prometheus reads: each thing counted once, whoever projects it, and the same at every web process."""

import json
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from dashboard.models import Board, Figures, Saga, Service
from dashboard.readmodel import figures, services
from dashboard.readmodel.figures import BUCKETS_S, Counts
from saga.messages import Kind, Trace, TraceEvent
from saga.state import COMPENSATED, COMPENSATING, COMPLETED, RUNNING, STUCK
from tests.dash_bench import Bench
from tests.dash_factories import (
    REASON,
    accept,
    at,
    compensation,
    completion,
    event,
    finish,
    letter,
    life_of,
    memory_bus,
    no_progress,
    outgoing,
    saga,
    say,
    trace,
    undo_event,
    way_back_of,
)

pytestmark = pytest.mark.django_db
AUTHORIZE = {"service": "authorizer", "step": "authorize"}


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = Client().get("/metrics").content.decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


def figure(name: str, **labels: str) -> float:
    """Return what is told under a name and exactly these labels; nothing told is 0."""
    return samples().get((f"saga_workshop_{name}", frozenset(labels.items())), 0.0)


def observed(name: str, **labels: str) -> tuple[float, float]:
    """Return how often something was observed, and the sum of it in seconds."""
    return figure(f"{name}_count", **labels), figure(f"{name}_sum", **labels)


def step_seconds(outcome: str, action: str = "do") -> tuple[float, float]:
    return observed("step_seconds", **AUTHORIZE, action=action, outcome=outcome)


def refuse(*_: object) -> None:
    raise DatabaseError("the disk is full")


def on_step(kind: Kind, second: int, **changes: Any) -> TraceEvent:
    return event(kind, "authorize", at=at(second), **changes)


def undo_of_step(kind: Kind, second: int, **changes: Any) -> TraceEvent:
    return undo_event(kind, "authorize", at=at(second), **changes)


def retried(saga_id: str) -> list[Trace]:
    """Return what is said of a step that is taken on, fails once, and is done six seconds after it was taken on."""
    said = [on_step(Kind.RECEIVED, 1), on_step(Kind.RETRYING, 2), on_step(Kind.SUCCEEDED, 7, attempt=2)]
    return [trace(saga_id, one) for one in said]


def test_every_saga_is_told_under_its_status() -> None:
    ids = accept(6)
    finish(ids[0], ids[1])
    for said in way_back_of(ids[2])[:-1]:
        say(said)
    for said in way_back_of(ids[3]):
        say(said)
    say(no_progress(ids[4], since=saga(ids[4]).round))
    told = {status: figure("sagas", status=status) for status in (RUNNING, COMPENSATING, COMPLETED, COMPENSATED, STUCK)}
    assert told == {RUNNING: 1, COMPENSATING: 1, COMPLETED: 2, COMPENSATED: 1, STUCK: 1}
    assert figure("sagas_accepted_total") == 6


def test_what_waits_in_the_outbox_is_told_apart_from_what_the_broker_has() -> None:
    [fed, *_] = accept(3)
    Saga.objects.filter(saga_id=fed).update(fed_offset=0)
    assert (figure("outbox_waiting"), figure("sagas_in_flight")) == (2, 1)


def test_forgotten_sagas_still_count() -> None:
    finish(*accept(2))
    Board.objects.update(pruned=2)
    assert (figure("sagas", status=COMPLETED), figure("sagas_pruned_total")) == (2, 2)


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


def test_retries_are_counted_by_service_step_and_action() -> None:
    first, second = accept(2)
    say(*retried(first), *retried(second))
    say(trace(first, undo_of_step(Kind.UNDO_FAILED, 9)))
    told = [figure("retries_total", **AUTHORIZE, action=action) for action in ("do", "undo")]
    assert told == [2, 1]


def test_a_saga_is_measured_from_its_acceptance_to_its_end() -> None:
    first, second = accept(2)
    Saga.objects.update(started_at=at(0))
    say(completion(first, second=30), compensation(second, second=40))
    about = {"scenario": "onboarding", "style": "choreography"}
    assert observed("saga_seconds", **about, end=COMPLETED) == (1, pytest.approx(30))
    assert observed("saga_seconds", **about, end=COMPENSATED) == (1, pytest.approx(40))


@pytest.mark.parametrize("how", ["in one batch", "in batches", "from the start"])
def test_what_is_told_again_is_not_counted_again(how: str) -> None:
    [saga_id] = accept()
    said = [*life_of(saga_id), *retried(saga_id)]
    for one in said:
        say(one)
    before = Figures.objects.get().counts
    for batch in {"in one batch": [said], "in batches": [[one] for one in said], "from the start": [[said[0]]]}[how]:
        say(*batch)
    assert Figures.objects.get().counts == before


def test_what_could_not_be_written_down_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    [saga_id] = accept()
    monkeypatch.setattr(Board, "save", refuse)
    with pytest.raises(DatabaseError):
        say(*retried(saga_id))
    assert not Figures.objects.exists()


def test_a_projector_that_takes_over_counts_on() -> None:
    bench = Bench(memory_bus())
    for saga_id in accept(2):
        bench.tell(*(outgoing(said) for said in retried(saga_id)))
        bench.drain()
        bench.reopen()
    assert step_seconds("succeeded") == (2, 12.0)


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


def test_nobody_can_make_up_new_labels() -> None:
    [saga_id] = accept()
    kinds = (Kind.RECEIVED, Kind.RETRYING, Kind.SUCCEEDED)
    say(
        trace(saga_id, *(on_step(kind, second, service="made up") for second, kind in enumerate(kinds))),
        letters=[letter(service="made up", topic="made-up")],
    )
    Client().get("/made/up")
    Client().generic("MADEUP", "/healthz")
    assert figure("dead_letters_total") == 1
    assert not [labels for _, labels in samples() if "made" in str(labels).lower()]
    assert (step_seconds("succeeded"), figure("retries_total", **AUTHORIZE, action="do")) == ((1, 2.0), 1)


def test_no_label_names_a_saga() -> None:
    [saga_id] = accept()
    for said in life_of(saga_id):
        say(said)
    assert saga_id not in Client().get("/metrics").content.decode()


def test_every_service_is_told_with_its_lag_and_work() -> None:
    services.ensure_rows((0, 0))
    Service.objects.filter(name="notifier").update(view={"backlog": 7, "in_flight": 3, "rate": 2.5, "partitions": 6})
    told = [figure(f"service_{name}", service="notifier") for name in ("backlog", "in_flight", "rate", "partitions")]
    assert told == [7, 3, 2.5, 6]


def test_requests_are_counted_by_route_method_and_status() -> None:
    about = {"route": "api/sagas/<saga_id>", "method": "GET", "status": "404"}
    before = figure("http_requests_total", **about)
    Client().get("/api/sagas/one")
    Client().get("/api/sagas/another")
    assert figure("http_requests_total", **about) - before == 2


def test_figures_kept_with_other_buckets_begin_anew() -> None:
    Figures.objects.create(pk=1, counts=json.dumps({figures.SAGA_SECONDS: {"a|b|c": [9.0, 9]}}))
    counts = Counts()
    counts.observe(figures.SAGA_SECONDS, (at(1), at(3)), "a", "b", "c")
    counts.save(at=at(0))
    [(labels, (total, *counts))] = figures.current().of(figures.SAGA_SECONDS)
    assert (labels, total, sum(counts)) == (["a", "b", "c"], 2.0, 1)


def test_while_the_read_model_is_away_the_process_tells_of_itself_and_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert figure("read_model_up") == 1
    monkeypatch.setattr(Board, "current", refuse)
    assert figure("read_model_up") == 0
    assert ("process_resident_memory_bytes", frozenset()) in samples()
    assert ("saga_workshop_sockets", frozenset()) in samples()


def test_a_reason_is_no_label() -> None:
    [saga_id] = accept()
    for said in way_back_of(saga_id):
        say(said)
    assert REASON not in Client().get("/metrics").content.decode()
