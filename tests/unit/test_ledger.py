"""A ledger holds each effect once, and what it holds stands."""

from collections.abc import Sequence

import pytest

from consumers.ledger import Entry, Ledger
from tests.factories import AT

pytestmark = pytest.mark.django_db(databases=["provisioner", "authorizer"])

FIRST = Entry("saga-1", "provision", {"device_id": "WS-1"}, AT)
OTHER = FIRST._replace(result={"device_id": "WS-9"}, recorded_at="2026-01-01T00:00:09Z")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("provisioner")


def keys(entries: Sequence[Entry]) -> set[tuple[str, str]]:
    return {entry.key for entry in entries}


def test_what_was_recorded_is_found_as_it_was(ledger: Ledger) -> None:
    ledger.record([FIRST])
    assert ledger.find(["saga-1", "saga-2"]) == {("saga-1", "provision"): FIRST}


def test_recording_returns_what_stands(ledger: Ledger) -> None:
    assert ledger.record([FIRST]) == {FIRST.key: FIRST}


def test_whoever_records_an_effect_second_is_given_the_first_one(ledger: Ledger) -> None:
    ledger.record([FIRST])
    assert ledger.record([OTHER]) == {FIRST.key: FIRST}
    assert ledger.find(["saga-1"]) == {FIRST.key: FIRST}


def test_in_one_batch_new_effects_are_recorded_beside_known_ones(ledger: Ledger) -> None:
    new = FIRST._replace(saga_id="saga-2")
    ledger.record([FIRST])
    assert ledger.record([OTHER, new]) == {FIRST.key: FIRST, new.key: new}


def test_a_batch_with_an_entry_that_cannot_be_written_is_not_written_at_all(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        ledger.record([FIRST, FIRST._replace(saga_id="saga-2", result={"device_id": object()})])
    assert ledger.find(["saga-1", "saga-2"]) == {}


def test_steps_of_one_saga_stand_side_by_side(ledger: Ledger) -> None:
    closed = FIRST._replace(step="close", result={})
    ledger.record([FIRST, closed])
    assert keys(list(ledger.find(["saga-1"]).values())) == {("saga-1", "provision"), ("saga-1", "close")}


def test_no_service_sees_the_ledger_of_another(ledger: Ledger) -> None:
    ledger.record([FIRST])
    assert Ledger("authorizer").find(["saga-1"]) == {}


def test_a_result_keeps_every_character(ledger: Ledger) -> None:
    entry = FIRST._replace(result={"text": "Zoë \x00 “%s” \U0001f600", "nested": [1, None, {"a": 0.5}]})
    ledger.record([entry])
    assert ledger.find(["saga-1"])[entry.key] == entry


def test_the_closing_of_a_saga_is_no_effect_on_the_world(ledger: Ledger) -> None:
    ledger.record([FIRST, FIRST._replace(step="close", result={})])
    assert list(ledger.effects()) == [("saga-1", "provision")]


def test_a_thousand_sagas_are_found_at_once(ledger: Ledger) -> None:
    entries = [FIRST._replace(saga_id=f"saga-{number}") for number in range(1000)]
    ledger.record(entries)
    assert len(ledger.find([entry.saga_id for entry in entries])) == 1000
