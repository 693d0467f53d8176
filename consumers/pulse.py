"""A process's pulse: tells the dashboard each second how its services are, and hears what they are asked to be.

It runs beside the worker, on its own thread and connections, so that a service that was stopped, or whose work hangs,
still beats and can be started again.
"""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from typing import NamedTuple

from consumers.clock import Clock
from consumers.dials import Dials
from consumers.event_log import log_said
from consumers.faults import kill_self
from consumers.worker import Worker
from saga import reports, wire
from saga.bus import Bus, Outgoing, Record
from saga.errors import BrokerUnavailable, MessageRejected
from saga.messages import DeadLetter
from saga.steering import BEAT_INTERVAL_S, Control, Heartbeat, Order, State
from saga.topics import CONTROL, DEAD_LETTER, HEARTBEAT, SERVICES

EAGER_INTERVAL_S = 0.2
"""How often a service beats that has not yet become what it shall be: somebody waits for that."""
EAGER_FOR_S = 10.0
"""For how long, after it was asked: one that gets no partition, as others have them all, need not hurry for ever."""


class Condition(NamedTuple):
    """How the worker is at a moment: None while there is none, as when the service is stopped."""

    state: State
    detail: str
    worker: Worker | None


class Hosted(NamedTuple):
    """One service of this process: what can be set on it, and how its worker is at any moment."""

    dials: Dials
    condition: Callable[[], Condition]


class Pulse:
    """Beats for the services of one process, given by name, which together are one instance.

    When it is closed because the process `is_ending`, it says so: then nobody has to conclude it from silence.
    `broker_forgets` what was said to services when it is started again: then it has to be said anew.
    """

    def __init__(
        self,
        members: Mapping[str, Hosted],
        bus: Bus,
        *,
        instance: str,
        clock: Clock,
        broker_forgets: bool = False,
        is_ending: Callable[[], bool] = lambda: False,
        die: Callable[[], None] = kill_self,
    ) -> None:
        self._members = members
        self._source = "-".join(members)
        self._instance = instance
        self._clock = clock
        self._broker_forgets = broker_forgets
        self._is_ending = is_ending
        self._die = die
        self._beats = 0
        self._next_beat = clock.monotonic()
        self._heard = 0
        self._eager_until = self._next_beat + EAGER_FOR_S
        self._said_before = max(bus.end_offsets([CONTROL]).values(), default=0)
        for member in members.values():
            member.dials.listen_at(bus.address(), end=self._said_before)
        with ExitStack() as opening:  # if the second client cannot be opened, the first is closed
            self._producer = opening.enter_context(closing(bus.producer()))
            self._reader = opening.enter_context(closing(bus.reader(CONTROL)))
            self._clients = opening.pop_all()

    @property
    def is_up_to_date(self) -> bool:
        """Is it known what the services shall be? All that was said before this pulse began has been heard.

        Of a broker that forgets, silence means nothing: there each service waits for its first word.
        """
        is_told = all(member.dials.heard for member in self._members.values())
        return self._heard >= self._said_before and (is_told or not self._broker_forgets)

    def run_once(self) -> bool:
        """Hear what is new, and beat when it is time. Raises BrokerUnavailable."""
        wait = max(0.0, self._next_beat - self._clock.monotonic())
        records = self._reader.poll(wait, limit=500)
        letters = [letter for record in records if (letter := self._hear(record))]
        outgoing = [wire.encode(one, topic=DEAD_LETTER, source=one.service, at=one.at) for one in letters]
        self._heard = max([self._heard, *(record.offset + 1 for record in records)])
        if self._clock.monotonic() >= self._next_beat:
            outgoing += [self._beat(name, *member) for name, member in self._members.items()]
            self._next_beat = self._clock.monotonic() + self._interval_s()
        self._producer.send(outgoing)
        log_said(letters=letters)
        return bool(records)

    def close(self) -> None:
        if self._is_ending():
            with suppress(BrokerUnavailable):  # silence will tell it, if a moment later
                self._producer.send([self._beat(name, one.dials, _ended) for name, one in self._members.items()])
        self._clients.close()

    def _hear(self, record: Record) -> DeadLetter | None:
        """Follow what `record` says if it is meant for this service; return a dead letter if nobody can read it."""
        try:
            control = wire.decode(Control, record.value)
            if control.service not in SERVICES:
                raise MessageRejected(f"there is no service {control.service!r}")
        except MessageRejected as rejection:
            return reports.dead_letter(record, service=self._source, reason=str(rejection), at=self._clock.now())
        member = self._members.get(control.service)
        if member and record.offset >= member.dials.heard_up_to:
            member.dials.heard_up_to = record.offset + 1
            member.dials.turn(control)
            self._eager_until = self._clock.monotonic() + EAGER_FOR_S
            if control.order and control.order.instance == self._instance:
                self._obey(control.order, member.dials)
        return None

    def _obey(self, order: Order, dials: Dials) -> None:
        if order.kill:
            self._die()
        dials.obey(order)

    def _interval_s(self) -> float:
        """Return how long to wait for the next beat. A service in trouble beats as calmly as one that is well."""
        if self._clock.monotonic() < self._eager_until and any(_is_changing(*one) for one in self._members.values()):
            return EAGER_INTERVAL_S
        return BEAT_INTERVAL_S

    def _beat(self, service: str, dials: Dials, condition: Callable[[], Condition]) -> Outgoing:
        self._beats += 1
        state, detail, worker = condition()
        partitions = tuple(sorted(f"{p.topic}/{p.partition}" for p in worker.assigned)) if worker else ()
        now = self._clock.now()
        beat = Heartbeat(
            service=service,
            instance=self._instance,
            pid=os.getpid(),
            host=socket.gethostname(),
            state="starting" if state == "running" and not partitions else state,
            detail=detail,
            partitions=partitions,
            heard=dials.heard,
            armed=dials.armed,
            in_flight=worker.in_flight if worker else 0,
            handled=worker.handled if worker else 0,
            beat=self._beats,
            at=now,
        )
        return wire.encode(beat, topic=HEARTBEAT, source=service, at=now)


def _ended() -> Condition:
    return Condition("ended", "", None)


def _is_changing(dials: Dials, condition: Callable[[], Condition]) -> bool:
    state, _, worker = condition()
    if not dials.running:
        return state not in ("stopped", "failing")
    is_at_work = worker is not None and bool(worker.assigned)
    return state != "failing" and not is_at_work
