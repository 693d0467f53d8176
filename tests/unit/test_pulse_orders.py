"""A service follows what it alone is asked to be, and obeys each order once."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from consumers.dials import Dials
from saga.bus import TopicPartition
from saga.event_lines import LOGGER
from saga.steering import Control, FaultRules, Instant, Order
from saga.topics import CONTROL
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.sagas.factories import control, outgoing
from tests.support.services.patient import Patient

KILL = Order(instance="1a2b3c4d", kill=True)
HERE = MemoryBus({}).address()


def test_a_service_follows_what_it_is_told(patient: Patient) -> None:
    asked = control(running=False, lag_ms=(1, 2))
    patient.tell(asked)
    patient.pulse().run_once()
    assert patient.dials == Dials(lag_ms=(1, 2), running=False, heard=asked.wish, heard_at=HERE, heard_up_to=1)


def test_a_beat_tells_what_the_service_has_heard_last(patient: Patient) -> None:
    asked = control(faults=FaultRules(drop_rate=0.5))
    patient.tell(control(), asked)
    patient.pulse().run_once()
    assert [beat.heard for beat in patient.beats()] == [asked.wish]


def test_the_newest_word_counts(patient: Patient) -> None:
    newest = control(running=True, lag_ms=(5, 6))
    patient.tell(control(running=False), newest)
    patient.pulse().run_once()
    assert patient.dials == Dials(lag_ms=(5, 6), running=True, heard=newest.wish, heard_at=HERE, heard_up_to=2)


def test_what_another_service_is_told_is_not_followed(patient: Patient) -> None:
    patient.tell(control("notifier", running=False, order=KILL))
    patient.pulse().run_once()
    assert (patient.dials, patient.deaths) == (Dials(lag_ms=(400, 3000), heard_at=HERE), 0)


def test_an_instance_that_shall_die_kills_itself(patient: Patient) -> None:
    patient.tell(control(order=KILL))
    patient.pulse().run_once()
    assert patient.deaths == 1


def test_the_one_that_takes_its_place_does_not_die_of_the_same_word(patient: Patient) -> None:
    patient.tell(control(order=KILL))
    patient.pulse("another").run_once()
    assert patient.deaths == 0


def test_a_crash_and_failures_wait_for_their_moment_and_every_beat_tells_so(patient: Patient) -> None:
    patient.tell(control(order=Order(instance="1a2b3c4d", crash_at=Instant.AFTER_PRODUCING, fail_next=2)))
    patient.pulse().run_once()
    assert (patient.dials.crash_at, patient.dials.fail_next) == (Instant.AFTER_PRODUCING, 2)
    assert patient.beats()[0].armed == {"crash_at": "after producing", "fail_next": 2}


def test_an_order_for_one_instance_is_not_obeyed_by_another(patient: Patient) -> None:
    patient.tell(control(order=Order(instance="1a2b3c4d", fail_next=2), faults=FaultRules(drop_rate=0.5)))
    patient.pulse("another").run_once()
    assert (patient.dials.fail_next, patient.dials.rules) == (0, FaultRules(drop_rate=0.5))


ORDERS = [{"fail_next": 2}, {"crash_at": Instant.AFTER_LEDGER}]


@pytest.mark.parametrize("order", ORDERS, ids=["failures", "a crash"])
def test_an_order_is_obeyed_once_however_often_the_log_is_read(patient: Patient, order: dict[str, Any]) -> None:
    patient.tell(control(order=Order(instance="1a2b3c4d", **order)))
    patient.pulse().run_once()
    patient.dials.fail_next, patient.dials.crash_at = 0, None  # its moment came
    patient.pulse().run_once()  # the broker was away, and all is opened anew
    assert patient.dials.armed == {}


def test_an_order_given_while_nothing_could_be_heard_is_obeyed(patient: Patient) -> None:
    patient.tell(control())
    patient.pulse().run_once()
    patient.tell(control(order=KILL))
    patient.pulse().run_once()
    assert patient.deaths == 1


def test_what_was_asked_for_before_is_not_followed_again(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.tell(control(faults=FaultRules(drop_rate=1.0)), control())
    patient.pulse().run_once()
    turns: list[Control] = []
    monkeypatch.setattr(Dials, "turn", lambda dials, asked: turns.append(asked))
    patient.pulse().run_once()
    assert turns == []


@pytest.mark.parametrize("said_since", [1, 3, 9], ids=["shorter", "as long", "longer"])
def test_a_log_that_begins_anew_is_followed_from_its_beginning(patient: Patient, said_since: int) -> None:
    patient.tell(control(), control(), control())
    patient.pulse().run_once()
    patient.bus.restart()
    patient.tell(control(order=KILL), *[control()] * (said_since - 1))
    patient.pulse().run_once()
    assert patient.deaths == 1


def test_what_was_asked_of_a_cluster_that_was_emptied_is_heard_anew(patient: Patient) -> None:
    patient.tell(control(), control(), control())
    patient.pulse().run_once()
    patient.bus.logs[TopicPartition(CONTROL, 0)].clear()
    patient.tell(control(order=KILL))
    patient.pulse().run_once()
    assert patient.deaths == 1


def test_of_services_that_share_a_process_each_follows_what_it_is_told(patient: Patient) -> None:
    asked = control("hotel", lag_ms=(1, 2), order=Order(instance="1a2b3c4d", fail_next=2))
    patient.tell(asked)
    patient.shared_pulse().run_once()
    assert patient.dials == Dials(lag_ms=(400, 3000), heard_at=HERE)
    assert patient.other_dials == Dials(lag_ms=(1, 2), fail_next=2, heard=asked.wish, heard_at=HERE, heard_up_to=1)


@pytest.mark.parametrize(
    "garbage",
    [
        replace(outgoing(control(), CONTROL), value=b"stop!"),
        replace(outgoing(control(), CONTROL), value=b""),
        replace(outgoing(control(), CONTROL), value=outgoing(control()).value.replace(b"true", b'"no"')),
        replace(outgoing(control(), CONTROL), value=outgoing(control()).value.replace(b"[0,0]", b"[0,%d]" % 10**400)),
        replace(outgoing(control(), CONTROL), value=outgoing(control()).value.replace(b"[0,0]", b"[2,1]")),
        outgoing(control("martian"), CONTROL),
    ],
    ids=["no JSON", "empty", "another shape", "endless lag", "longest lag first", "no such service"],
)
def test_what_nobody_can_follow_becomes_a_dead_letter_and_the_next_word_counts(
    patient: Patient, caplog: pytest.LogCaptureFixture, garbage: Any
) -> None:
    patient.bus.append(garbage)
    patient.tell(control(running=False))
    with caplog.at_level(logging.INFO, LOGGER):
        patient.pulse().run_once()
    [letter] = patient.letters()
    assert caplog.messages == ["provisioner: a message was dead-lettered"]
    assert (letter.service, letter.topic, letter.offset) == ("provisioner", CONTROL, 0)
    assert not patient.dials.running


def test_a_pulse_is_up_to_date_when_it_has_heard_what_was_said_before_it_began(patient: Patient) -> None:
    patient.tell(control("notifier"), control(running=False))
    pulse = patient.pulse()
    assert not pulse.is_up_to_date
    pulse.run_once()
    assert pulse.is_up_to_date


def test_where_nothing_was_ever_said_a_pulse_is_up_to_date_at_once(patient: Patient) -> None:
    assert patient.pulse().is_up_to_date


def test_where_the_broker_forgets_a_pulse_waits_for_a_word_to_each_service(patient: Patient) -> None:
    patient.broker_forgets = True
    pulse = patient.shared_pulse()
    said = []
    for service in ("car", "hotel"):
        said.append(pulse.is_up_to_date)
        patient.tell(control(service))
        pulse.run_once()
    assert [*said, pulse.is_up_to_date] == [False, False, True]
