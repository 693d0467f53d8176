"""What one service process is made of: a worker, its pulse, and the dials between them."""

import random
import uuid

from consumers.clock import Clock
from consumers.dials import Dials
from consumers.ledger import Ledger
from consumers.participants import PARTICIPANTS
from consumers.pulse import Condition, Pulse
from consumers.worker import Worker
from workshop.config import Config
from workshop.kafka_bus import KafkaBus
from workshop.links import with_bus


class ServiceProcess:
    """`manage.py consume NAME`: a worker, and its pulse beside it."""

    def __init__(self, name: str, config: Config) -> None:
        self._name = name
        self._config = config
        self._instance = uuid.uuid4().hex[:8]
        self._clock = Clock()
        self._dials = Dials(lag_ms=config.lag_ms)
        self._is_informed = False
        self._worker_loop = with_bus(config, name, self._open_worker, may_run=self._may_run)
        self._pulse_loop = with_bus(config, f"{name}-pulse", self._open_pulse)

    def run(self) -> None:
        """Work until `stop` is called."""
        pulse = self._pulse_loop.start()
        self._worker_loop.run()
        self._pulse_loop.stop()
        pulse.join()

    def stop(self) -> None:
        self._worker_loop.stop()

    def _open_worker(self, bus: KafkaBus) -> Worker:
        return Worker(
            PARTICIPANTS[self._name],
            bus,
            ledger=Ledger(self._name),
            dials=self._dials,
            clock=self._clock,
            random=random.Random(),
            work_limit=self._config.work_limit,
            threads=self._config.perform_threads,
        )

    def _open_pulse(self, bus: KafkaBus) -> Pulse:
        return Pulse(
            self._name,
            bus,
            instance=self._instance,
            dials=self._dials,
            clock=self._clock,
            condition=self._condition,
        )

    def _may_run(self) -> bool:
        """A service that was stopped stays so when its process is started again: it listens before it works."""
        if not self._is_informed:
            pulse = self._pulse_loop.worker
            self._is_informed = pulse is not None and pulse.is_up_to_date
        return self._is_informed and self._dials.running

    def _condition(self) -> Condition:
        loop = self._worker_loop
        return Condition(loop.state, loop.detail, loop.worker)
