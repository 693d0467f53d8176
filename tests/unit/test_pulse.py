"""A service says each second how it is, and follows what it alone is asked to be."""

import os
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from consumers import pulse as pulse_module
from consumers.dials import Dials
from consumers.pulse import Condition, Hosted, Pulse
from saga import wire
from saga.bus import Consumer, Record, TopicPartition
from saga.errors import BrokerUnavailable
from saga.messages import DeadLetter
from saga.steering import Control, FaultRules, Heartbeat, Instant, Order
from saga.topics import CONTROL, DEAD_LETTER, HEARTBEAT, partitions_by_topic
from tests.factories import HeldClock, control, outgoing
from tests.memory_bus import MemoryBus, MemoryProducer, MemoryReader

BUSY: Any = SimpleNamespace(
    assigned=frozenset({TopicPartition("notified", 0), TopicPartition("new-user", 2)}), in_flight=7, handled=40
)
IDLE: Any = SimpleNamespace(assigned=frozenset(), in_flight=0, handled=0)


KILL = Order(instance="1a2b3c4d", kill=True)
HERE = MemoryBus({}).address()


class Patient:
    """A pulse, and what is around it."""

    def __init__(self, bus: MemoryBus | None = None) -> None:
        self.bus = bus or MemoryBus(partitions_by_topic(1), waits=False)
        self.clock = HeldClock()
        self.dials = Dials(lag_ms=(400, 3000))
        self.other_dials = Dials(lag_ms=(400, 3000))
        self.condition = Condition("running", "", BUSY)
        self.killed: list[tuple[int, int]] = []
        self.is_ending = False
        self.broker_forgets = False

    def pulse(self, instance: str = "1a2b3c4d") -> Pulse:
        return self._pulse({"provisioner": Hosted(self.dials, lambda: self.condition)}, instance)

    def shared_pulse(self) -> Pulse:
        """Return the pulse of a process in which two services work, the second of them stopped."""
        stopped = Hosted(self.other_dials, lambda: Condition("stopped", "", None))
        return self._pulse({"car": Hosted(self.dials, lambda: self.condition), "hotel": stopped}, "1a2b3c4d")

    def _pulse(self, members: dict[str, Hosted], instance: str) -> Pulse:
        return Pulse(
            members,
            self.bus,
            instance=instance,
            clock=self.clock,
            broker_forgets=self.broker_forgets,
            is_ending=lambda: self.is_ending,
            kill=lambda pid, number: self.killed.append((pid, number)),
        )

    def tell(self, *said: Control) -> None:
        for each in said:
            self.bus.append(outgoing(each, CONTROL))

    def beats(self) -> list[Heartbeat]:
        return [wire.decode(Heartbeat, record.value) for record in self.bus.messages(HEARTBEAT)]

    def letters(self) -> list[DeadLetter]:
        return [wire.decode(DeadLetter, record.value) for record in self.bus.messages(DEAD_LETTER)]


@pytest.fixture
def patient() -> Patient:
    return Patient()


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
    assert (patient.dials, patient.killed) == (Dials(lag_ms=(400, 3000), heard_at=HERE), [])


def test_an_instance_that_shall_die_kills_itself(patient: Patient) -> None:
    patient.tell(control(order=KILL))
    patient.pulse().run_once()
    assert patient.killed == [(os.getpid(), signal.SIGKILL)]


def test_the_one_that_takes_its_place_does_not_die_of_the_same_word(patient: Patient) -> None:
    patient.tell(control(order=KILL))
    patient.pulse("another").run_once()
    assert patient.killed == []


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
    assert patient.killed == [(os.getpid(), signal.SIGKILL)]


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
    assert patient.killed == [(os.getpid(), signal.SIGKILL)]


def test_what_was_asked_of_a_cluster_that_was_emptied_is_heard_anew(patient: Patient) -> None:
    patient.tell(control(), control(), control())
    patient.pulse().run_once()
    patient.bus.logs[TopicPartition(CONTROL, 0)].clear()
    patient.tell(control(order=KILL))
    patient.pulse().run_once()
    assert patient.killed == [(os.getpid(), signal.SIGKILL)]


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
    ],
    ids=["no JSON", "empty", "another shape", "endless lag"],
)
def test_what_nobody_can_follow_becomes_a_dead_letter_and_the_next_word_counts(patient: Patient, garbage: Any) -> None:
    patient.bus.append(garbage)
    patient.tell(control(running=False))
    patient.pulse().run_once()
    [letter] = patient.letters()
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
