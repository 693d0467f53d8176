"""A house of all services, in which old sagas are forgotten."""

from consumers.worker import Worker
from dashboard.backstage.retention import Policy, Retention
from dashboard.models import Board, Saga
from saga.steering import Forget
from saga.topics import FORGET, SERVICES
from tests.support.dashboard.auditor import red
from tests.support.dashboard.factories import STEPS, accept, at, finish, life_of, say
from tests.support.dashboard.ledgers import do
from tests.support.services.workbench import Workbench

LONG_AGO = at(0)


class House:
    """All services at work, and whoever forgets."""

    def __init__(self) -> None:
        self.bench = Workbench()
        self.bus = self.bench.bus
        self.workers: dict[str, Worker] = {}
        self.start(*SERVICES)

    def start(self, *services: str) -> None:
        self.workers |= {name: self.bench.worker(name) for name in services}

    def stop(self, *services: str) -> None:
        for name in services:
            self.workers.pop(name).close()

    def keeper(self, *, days: int = 0, sagas: int = 0) -> Retention:
        return Retention(self.bus, policy=Policy(days, sagas))

    def work(self, keeper: Retention, *, cycles: int = 10) -> None:
        """Let all of them work for so many cycles, and look after each step whether everything holds."""
        for _ in range(cycles):
            keeper.run_once()
            for one in self.workers.values():
                one.run_once()
            assert red() == {}

    def forget(self, *, days: int = 0, sagas: int = 0) -> None:
        """Let them forget what is due."""
        keeper = self.keeper(days=days, sagas=sagas)
        self.work(keeper)
        keeper.close()

    def told(self) -> list[tuple[str, ...]]:
        """Return what the services were told to forget."""
        return [message.saga_ids for message in self.bench.read(Forget, FORGET)]


def seven_sagas() -> list[str]:
    """Return six sagas that have completed, in this order, each with its history; and one that is half-way."""
    ids = accept(7)
    for saga_id in ids[:6]:
        do(saga_id, *STEPS)
        say(*life_of(saga_id)[:-1])
    do(ids[6], STEPS[0])
    finish(*ids[:6])
    return ids


def kept() -> list[str]:
    """Return the ids of the sagas that the read model knows, in the order in which they were accepted."""
    return list(Saga.objects.order_by("number").values_list("saga_id", flat=True))


def counts() -> tuple[int, int]:
    now = Board.current()
    return now.forgotten, now.pruned
