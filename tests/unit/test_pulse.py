"""A service says each second how it is, and at its end that it has ended."""

import os

import pytest

from consumers import pulse as pulse_module
from consumers.pulse import Condition
from saga.bus import Consumer, Record
from saga.errors import BrokerUnavailable
from saga.topics import partitions_by_topic
from tests.support.brokers.memory_bus import MemoryBus, MemoryProducer, MemoryReader
from tests.support.sagas.factories import control
from tests.support.services.patient import BUSY, IDLE, Patient


def test_the_first_beat_comes_at_once_and_tells_how_the_worker_is(patient: Patient) -> None:
    patient.pulse().run_once()
    [beat] = patient.beats()
    assert (beat.service, beat.instance, beat.pid, beat.state) == ("provisioner", "1a2b3c4d", os.getpid(), "running")
    assert (beat.partitions, beat.in_flight, beat.handled) == (("new-user/2", "notified/0"), 7, 40)


def test_one_beat_comes_each_second(patient: Patient) -> None:
    pulse = patient.pulse()
    pulse.run_once()
    patient.clock.seconds += pulse_module.BEAT_INTERVAL_S / 2
    patient.tell(control())  # there is something to hear, so it does not wait for the next beat
    pulse.run_once()
    assert [beat.beat for beat in patient.beats()] == [1]
    patient.clock.seconds += pulse_module.BEAT_INTERVAL_S / 2
    pulse.run_once()
    assert [beat.beat for beat in patient.beats()] == [1, 2]


@pytest.mark.parametrize(
    ("condition", "asked_to_run", "interval_s"),
    [
        pytest.param(Condition("starting", "", None), True, pulse_module.EAGER_INTERVAL_S, id="it starts"),
        pytest.param(Condition("running", "", IDLE), True, pulse_module.EAGER_INTERVAL_S, id="it joins its group"),
        pytest.param(Condition("stopped", "", None), True, pulse_module.EAGER_INTERVAL_S, id="it shall start"),
        pytest.param(Condition("running", "", BUSY), False, pulse_module.EAGER_INTERVAL_S, id="it shall stop"),
        pytest.param(Condition("running", "", BUSY), True, pulse_module.BEAT_INTERVAL_S, id="it runs"),
        pytest.param(Condition("stopped", "", None), False, pulse_module.BEAT_INTERVAL_S, id="it has stopped"),
        pytest.param(Condition("failing", "", None), True, pulse_module.BEAT_INTERVAL_S, id="it is in trouble"),
        pytest.param(Condition("failing", "", None), False, pulse_module.BEAT_INTERVAL_S, id="it fails to stop"),
    ],
)
def test_a_service_that_is_not_yet_what_it_shall_be_beats_faster(
    patient: Patient, condition: Condition, asked_to_run: bool, interval_s: float
) -> None:
    patient.condition, patient.dials.running = condition, asked_to_run
    pulse, beats = patient.pulse(), []
    pulse.run_once()
    for _ in range(2):
        patient.clock.seconds += interval_s / 2
        patient.tell(control(service="hotel"))  # there is something to hear, so it does not wait for the next beat
        pulse.run_once()
        beats.append(len(patient.beats()))
    assert beats == [1, 2]


def test_a_service_that_is_told_something_hurries_however_long_it_has_been_there(patient: Patient) -> None:
    patient.condition = Condition("stopped", "", None)
    pulse = patient.pulse()
    patient.clock.seconds += 2 * pulse_module.EAGER_FOR_S
    patient.tell(control())  # to start
    pulse.run_once()
    patient.clock.seconds += pulse_module.EAGER_INTERVAL_S
    pulse.run_once()
    assert len(patient.beats()) == 2


def test_a_pulse_waits_for_news_no_longer_than_until_its_next_beat(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, poll = [], MemoryReader.poll

    def poll_watched(reader: MemoryReader, timeout_s: float, *, limit: int) -> list[Record]:
        waits.append(timeout_s)
        return poll(reader, timeout_s, limit=limit)

    monkeypatch.setattr(MemoryReader, "poll", poll_watched)
    pulse = patient.pulse()
    for passed_s in (0.0, 0.25, 5.0):
        patient.clock.seconds += passed_s
        pulse.run_once()
    assert waits == [0.0, pulse_module.BEAT_INTERVAL_S - 0.25, 0.0]


@pytest.mark.parametrize(
    ("condition", "state", "detail"),
    [
        pytest.param(Condition("running", "", IDLE), "starting", "", id="no partition yet"),
        pytest.param(Condition("stopped", "", None), "stopped", "", id="stopped"),
        pytest.param(Condition("failing", "x", None), "failing", "x", id="in trouble"),
    ],
)
def test_a_beat_tells_the_truth(patient: Patient, condition: Condition, state: str, detail: str) -> None:
    patient.condition = condition
    patient.pulse().run_once()
    [beat] = patient.beats()
    assert (beat.state, beat.detail, beat.partitions) == (state, detail, ())


def test_one_that_gets_no_partition_does_not_hurry_for_ever(patient: Patient) -> None:
    patient.condition = Condition("running", "", IDLE)
    pulse = patient.pulse()

    def beats_within(seconds: float) -> int:
        before, until = len(patient.beats()), patient.clock.seconds + seconds
        while patient.clock.seconds < until:
            pulse.run_once()
            patient.clock.seconds += pulse_module.EAGER_INTERVAL_S / 2
        return len(patient.beats()) - before

    assert beats_within(pulse_module.EAGER_FOR_S) > 2 * pulse_module.EAGER_FOR_S / pulse_module.BEAT_INTERVAL_S
    assert beats_within(10 * pulse_module.BEAT_INTERVAL_S) <= 11


def test_services_that_share_a_process_beat_one_by_one_as_one_instance(patient: Patient) -> None:
    patient.shared_pulse().run_once()
    assert [(beat.service, beat.state, beat.in_flight) for beat in patient.beats()] == [
        ("car", "running", 7),
        ("hotel", "stopped", 0),
    ]
    assert {beat.instance for beat in patient.beats()} == {"1a2b3c4d"}


def test_a_process_that_ends_says_so_of_each_service(patient: Patient) -> None:
    patient.is_ending = True
    patient.shared_pulse().close()
    last = [(one.service, one.state, one.partitions, one.in_flight) for one in patient.beats()]
    assert last == [("car", "ended", (), 0), ("hotel", "ended", (), 0)]


def test_a_pulse_that_is_closed_while_its_process_goes_on_says_nothing_of_an_end(patient: Patient) -> None:
    patient.pulse().close()
    assert patient.beats() == []


def test_a_pulse_that_is_closed_leaves_no_client_open(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    for kind in (MemoryProducer, MemoryReader):
        monkeypatch.setattr(kind, "close", lambda client: closed.append(type(client)))
    patient.pulse().close()
    assert set(closed) == {MemoryProducer, MemoryReader}


def test_an_end_that_cannot_be_told_is_an_end_all_the_same(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BrokerUnavailable("gone")

    patient.is_ending = True
    pulse = patient.pulse()
    monkeypatch.setattr(MemoryProducer, "send", refuse)
    pulse.close()
    assert patient.beats() == []


def test_a_broker_that_is_gone_is_said_to_whoever_runs_the_pulse(patient: Patient) -> None:
    pulse = patient.pulse()
    patient.bus.is_down = True
    with pytest.raises(BrokerUnavailable):
        pulse.run_once()


def test_a_pulse_that_cannot_listen_leaves_no_producer_open() -> None:
    closed = []

    class Producer(MemoryProducer):
        def close(self) -> None:
            closed.append(self)

    class BusWithoutReaders(MemoryBus):
        def producer(self) -> MemoryProducer:
            return Producer(self, 1)

        def reader(self, topic: str) -> Consumer:
            raise BrokerUnavailable("no leader")

    with pytest.raises(BrokerUnavailable):
        Patient(BusWithoutReaders(partitions_by_topic(1))).pulse()
    assert len(closed) == 1
