"""What Prometheus reads: each thing counted once, whoever projects it, and the same at every web process."""

import pytest
from django.db import DatabaseError
from django.test import Client

from dashboard.models import Board, Figures, Saga, Service
from dashboard.readmodel import services
from saga.messages import Kind
from saga.state import COMPENSATED, COMPENSATING, COMPLETED, RUNNING, STUCK
from tests.support.dashboard.bench import Bench
from tests.support.dashboard.factories import (
    REASON,
    accept,
    finish,
    letter,
    life_of,
    memory_bus,
    no_progress,
    outgoing,
    saga,
    say,
    trace,
    way_back_of,
)
from tests.support.dashboard.metrics import AUTHORIZE, figure, on_step, retried, samples, step_seconds, undo_of_step

pytestmark = pytest.mark.django_db


def refuse(*_: object) -> None:
    raise DatabaseError("the disk is full")


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


def test_retries_are_counted_by_service_step_and_action() -> None:
    first, second = accept(2)
    say(*retried(first), *retried(second))
    say(trace(first, undo_of_step(Kind.UNDO_FAILED, 9)))
    told = [figure("retries_total", **AUTHORIZE, action=action) for action in ("do", "undo")]
    assert told == [2, 1]


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
