"""The coordinator's log is append-only, and of two coordinators only one writes a line."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connections

from consumers import inspection
from consumers.log_store import LogHasMoved, SagaLogStore
from saga.digests import digest_of
from saga.messages import Outcome, StepFault
from saga.routing import End
from saga.saga_log import LogEntry, Mark, decide, replay
from tests.support.sagas.factories import AT, command, reply, request

pytestmark = pytest.mark.django_db(databases=["coordinator"])

START = request(None, scenario="trip", results={}, hop=0, faults={"car": StepFault(failures=2)}, reason="Zoë \x00 “%s”")
BEGUN = decide(replay([]), START)
ANSWERED = decide(replay(BEGUN), reply(command("car", hop=1), Outcome.DONE, result={}))
ENDED = LogEntry(mark=Mark.END_SAGA, hop=9, cause="saga-1.flight.do.failed", reason="no seat", end=End.COMPENSATED)


@pytest.fixture
def store() -> SagaLogStore:
    return SagaLogStore("coordinator")


def append(store: SagaLogStore, position: int, entries: Sequence[LogEntry], *, saga_id: str = "saga-1") -> None:
    store.append({saga_id: (position, entries)}, at=AT)


def test_what_was_appended_is_read_as_it_was_and_in_its_order(store: SagaLogStore) -> None:
    append(store, 0, BEGUN)
    append(store, len(BEGUN), [*ANSWERED, ENDED])
    assert store.read(["saga-1", "saga-2"]) == {"saga-1": [*BEGUN, *ANSWERED, ENDED]}


def test_the_logs_of_many_sagas_are_kept_apart(store: SagaLogStore) -> None:
    store.append({f"saga-{number}": (0, BEGUN[:number]) for number in (1, 2)}, at=AT)
    assert store.read(["saga-1", "saga-2"]) == {"saga-1": BEGUN[:1], "saga-2": BEGUN}


def test_of_two_coordinators_that_append_at_the_same_place_the_first_one_wins(store: SagaLogStore) -> None:
    append(store, 0, BEGUN)
    append(store, len(BEGUN), ANSWERED)
    with pytest.raises(LogHasMoved):
        append(SagaLogStore("coordinator"), len(BEGUN), [ENDED])
    assert store.read(["saga-1"]) == {"saga-1": [*BEGUN, *ANSWERED]}


def test_where_one_log_has_moved_nothing_of_the_batch_is_written(store: SagaLogStore) -> None:
    append(store, 0, BEGUN)
    with pytest.raises(LogHasMoved):
        store.append({"saga-2": (0, BEGUN), "saga-1": (1, ANSWERED)}, at=AT)
    assert store.read(["saga-1", "saga-2"]) == {"saga-1": BEGUN}


def test_all_write_in_one_order_so_that_two_never_wait_for_each_other(store: SagaLogStore) -> None:
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if many:
            written.extend(saga_id for saga_id, *_ in params)
        return execute(sql, params, many, context)

    with connections["coordinator"].execute_wrapper(watch):
        store.append({f"saga-{number}": (0, BEGUN[:1]) for number in (3, 1, 2)}, at=AT)
    assert written == ["saga-1", "saga-2", "saga-3"]


def test_the_ends_of_sagas_are_seen_by_whoever_inspects_the_log(store: SagaLogStore) -> None:
    append(store, 0, [*BEGUN, ENDED])
    append(store, 0, BEGUN, saga_id="saga-2")
    ends = inspection.of_log("coordinator").of(["saga-1", "saga-2"])
    assert list(ends) == [("end", "compensated", digest_of("saga-1"))]


def test_a_log_that_is_forgotten_is_gone_and_no_other_is(store: SagaLogStore) -> None:
    append(store, 0, [*BEGUN, ENDED])
    append(store, 0, BEGUN, saga_id="saga-2")
    store.forget(["saga-1", "never-heard-of"])
    assert store.read(["saga-1", "saga-2"]) == {"saga-2": BEGUN}
