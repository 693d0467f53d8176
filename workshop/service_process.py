"""What one service process is made of: a worker for each service in it, with its dials, and a pulse for all of them."""

import random
import threading
import uuid

from consumers.clock import Clock, ServerClock
from consumers.coordinator import Coordinator
from consumers.dials import Dials
from consumers.faults import Faults
from consumers.ledger import Ledger
from consumers.log_store import SagaLogStore
from consumers.participants import PARTICIPANTS, notifier
from consumers.performer import Performer
from consumers.pulse import Condition, Hosted, Pulse
from consumers.role import Role
from consumers.worker import Worker
from saga.definitions import COORDINATOR
from workshop import alive
from workshop.config import Config
from workshop.kafka_bus import KafkaBus
from workshop.links import with_bus
from workshop.loop import Loop
from workshop.mail_probe import LOOK_EVERY_S, MailProbe
from workshop.processes import services_of

STOP_CHECK_S = 0.1


class _Service:
    """One service of the process: its dials, and the loops of its worker and, if it has one, of its mail probe."""

    def __init__(self, name: str, config: Config) -> None:
        self._name = name
        self._config = config
        self._clock = ServerClock(name)
        self.dials = Dials(lag_ms=config.lag_ms)
        self._loop = with_bus(config, name, self._open_worker, may_run=self._may_run, after_cycle=self._clock.look)
        self._mail = _mail_loop(config) if name == notifier.NAME else None

    def start(self) -> threading.Thread:
        """Return the thread of the worker."""
        if self._mail:
            self._mail.start()
        return self._loop.start()

    def stop(self) -> None:
        if self._mail:
            self._mail.stop()
        self._loop.stop()

    def condition(self) -> Condition:
        """Return how the worker is. It is in trouble as well where it works, and nobody would take its e-mails."""
        told = self._loop
        if told.state == "running" and self._mail and self._mail.state == "failing":
            told = self._mail
        return Condition(told.state, told.detail, self._loop.part)

    def _open_worker(self, bus: KafkaBus) -> Worker:
        self._clock.look()
        faults = Faults(self.dials)
        return Worker(
            self._role(faults),
            bus,
            dials=self.dials,
            faults=faults,
            clock=self._clock,
            random=random.Random(),
            work_limit=self._config.work_limit,
        )

    def _role(self, faults: Faults) -> Role:
        if self._name == COORDINATOR:
            return Coordinator(log=SagaLogStore(COORDINATOR), clock=self._clock)
        return Performer(
            PARTICIPANTS[self._name],
            ledger=Ledger(self._name),
            clock=self._clock,
            faults=faults,
            threads=self._config.perform_threads,
        )

    def _may_run(self) -> bool:
        return self.dials.running


def _mail_loop(config: Config) -> Loop[MailProbe] | None:
    return Loop("mail server", lambda stop: MailProbe(), rest_s=LOOK_EVERY_S) if config.email_host else None


class ServiceProcess:
    """`manage.py consume NAME`: one worker a service, each on a thread of its own, and the pulse beside them.

    A service that was stopped stays so when its process is started again: it listens before it works.
    """

    def __init__(self, process: str, config: Config) -> None:
        names = services_of(process)
        self._process = process
        self._config = config
        self._services = {name: _Service(name, config) for name in names}
        self._instance = uuid.uuid4().hex[:8]
        pulse_name = f"{'-'.join(self._services)}-pulse"
        self._pulse_loop = with_bus(config, pulse_name, self._open_pulse, after_cycle=self._after_pulse)
        self._is_informed = threading.Event()
        self._is_stopping = False
        self._has_worked = False

    def run(self) -> None:
        """Work until `stop` is called."""
        pulse = self._pulse_loop.start()
        while not (self._is_stopping or self._is_informed.wait(STOP_CHECK_S)):
            pass
        for thread in [service.start() for service in self._services.values()]:
            thread.join()
        self._has_worked = True
        self._pulse_loop.stop()
        pulse.join()

    def stop(self) -> None:
        for service in self._services.values():
            service.stop()
        self._is_stopping = True  # no event: a signal handler may not set what its own thread waits for

    def _open_pulse(self, bus: KafkaBus) -> Pulse:
        members = {name: Hosted(service.dials, service.condition) for name, service in self._services.items()}
        return Pulse(
            members,
            bus,
            instance=self._instance,
            clock=Clock(),
            broker_forgets=self._config.is_embedded,
            is_ending=self._is_ending,
        )

    def _is_ending(self) -> bool:
        """Is all work over? Who cannot beat at the moment need not try to say so: it would only take longer to end."""
        return self._has_worked and self._pulse_loop.state == "running"

    def _after_pulse(self) -> None:
        alive.beat(self._config.run_dir, self._process)
        pulse = self._pulse_loop.part
        if pulse and pulse.is_up_to_date:
            self._is_informed.set()
