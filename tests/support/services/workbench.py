"""Workers on a bench: a broker in memory, a clock held in the hand, and a fuse that blows at a chosen instant."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from consumers.coordinator import Coordinator
from consumers.dials import Dials
from consumers.faults import Faults
from consumers.ledger import Change, Ledger
from consumers.models import Effect
from consumers.participants import PARTICIPANTS
from consumers.performer import Performer
from consumers.role import Role
from consumers.worker import Worker
from saga import participation, wire
from saga.bus import Outgoing
from saga.definitions import CLOSE, COORDINATOR, REPLIES, definition_of
from saga.messages import DeadLetter, Reply, SagaMessage, Trace, TraceEvent
from saga.participation import Entry
from saga.state import SagaState, initial
from saga.topics import DEAD_LETTER, TOPICS_BY_SERVICE, TRACE, partitions_by_topic
from tests.support.sagas.factories import AT, RESULTS, HeldClock, fold, outgoing, record, request
from tests.support.services.fuse import Crash, Fuse, FusedBus, FusedLedger, FusedLog

# The services of the onboarding, along the chain.
CHAIN = ("provisioner", "authorizer", "notifier")
M = TypeVar("M", bound=wire.Payload)


class Moody:
    """Performs, or undoes; but fails as often as it is told to, for one saga if one is named."""

    def __init__(self, error: Exception, *, times: int = 10**6, saga_id: str | None = None) -> None:
        self._left = times
        self._error = error
        self._saga_id = saga_id

    def __call__(self, message: SagaMessage, *_: dict[str, Any]) -> dict[str, Any]:
        if self._left > 0 and self._saga_id in (None, message.saga_id):
            self._left -= 1
            raise self._error
        return {"device_id": "WS-1"}


def effects_of(service: str) -> list[tuple[str, str, str]]:
    """Return the (saga id, step, status) of all that is in a service's ledger, the closing of sagas left out."""
    rows = Effect.objects.using(service).exclude(step=CLOSE)
    return list(rows.values_list("saga_id", "step", "status"))


def _die() -> None:
    raise Crash("as it was told to")


class Workbench:
    def __init__(self, partitions: int = 1, *, fuse: Fuse | None = None) -> None:
        self.fuse = fuse or Fuse()
        self.bus = FusedBus(partitions_by_topic(partitions), self.fuse)
        self.clock = HeldClock()
        self.dials = Dials(lag_ms=(0, 0))
        self.performed: list[SagaMessage] = []
        self.taken_back: list[SagaMessage] = []

    def worker(
        self,
        service: str = "provisioner",
        *,
        perform: Callable[[SagaMessage], dict[str, Any]] | None = None,
        undo: Callable[[SagaMessage, dict[str, Any]], None] | None = None,
        work_limit: int = 1000,
        threads: int = 1,
    ) -> Worker:
        """Open a worker. A participant does what it does, or `perform` and `undo`, and is watched."""
        faults = Faults(self.dials, die=_die)
        role: Role = Coordinator(log=FusedLog(COORDINATOR, self.fuse), clock=self.clock)
        if service != COORDINATOR:
            role = Performer(
                replace(PARTICIPANTS[service], **self._watched(service, perform, undo)),
                ledger=FusedLedger(service, self.fuse),
                clock=self.clock,
                faults=faults,
                threads=threads,
            )
        return Worker(
            role,
            self.bus,
            dials=self.dials,
            faults=faults,
            clock=self.clock,
            random=Random(0),
            work_limit=work_limit,
        )

    def _watched(self, service: str, perform: Any, undo: Any) -> dict[str, Callable[..., Any]]:
        do = perform or PARTICIPANTS[service].perform
        take_back = undo or PARTICIPANTS[service].undo

        def perform_watched(message: SagaMessage) -> dict[str, Any]:
            self.performed.append(message)
            result: dict[str, Any] = do(message)
            return result

        def undo_watched(message: SagaMessage, result: dict[str, Any]) -> None:
            self.taken_back.append(message)
            take_back(message, result)

        return {"perform": perform_watched, "undo": undo_watched}

    def send(self, *messages: SagaMessage | Outgoing) -> None:
        for message in messages:
            self.bus.append(message if isinstance(message, Outgoing) else outgoing(message))

    def run(self, *workers: Worker) -> None:
        """Let all of them work until none finds anything to do."""
        while [worker for worker in workers if worker.run_once()]:
            pass

    def work(self, service: str = "provisioner", **options: Any) -> None:
        """Let a worker do what there is to do, and leave."""
        worker = self.worker(service, **options)
        self.run(worker)
        worker.close()

    def wait(self, seconds: float, *workers: Worker) -> None:
        """Let time pass, and then let them work."""
        self.clock.seconds += seconds
        self.run(*workers)

    def crash(self, worker: Worker, instant: str) -> None:
        """Let it work until it dies at that instant; then its group notices."""
        self.fuse.blow_at = instant
        try:
            self.run(worker)
        except Crash:
            worker.close()
        else:
            raise AssertionError(f"it never came to {instant!r}")

    def read(self, kind: type[M], topic: str) -> list[M]:
        return [wire.decode(kind, record.value) for record in self.bus.messages(topic)]

    def requests(self, topic: str) -> list[SagaMessage]:
        return self.read(SagaMessage, topic)

    def replies(self) -> list[Reply]:
        return self.read(Reply, REPLIES)

    def rows(self, service: str) -> dict[str, str]:
        """Return the status of every step of `saga-1` at a service."""
        return {step: str(entry.status) for (_, step), entry in Ledger(service).find(["saga-1"]).items()}

    def row(self, service: str = "provisioner", step: str = "provision", saga_id: str = "saga-1") -> Entry:
        return Ledger(service).find([saga_id])[saga_id, step]

    def letters(self) -> list[DeadLetter]:
        return self.read(DeadLetter, DEAD_LETTER)

    def events(self, saga_id: str = "saga-1") -> list[TraceEvent]:
        return [event for trace in self.read(Trace, TRACE) if trace.saga_id == saga_id for event in trace.events]

    def kinds(self, saga_id: str = "saga-1") -> list[str]:
        return [event.kind.value for event in self.events(saga_id)]

    def state(self, saga_id: str = "saga-1") -> SagaState:
        return self.states()[saga_id]

    def states(self) -> dict[str, SagaState]:
        """Return where each saga is, by what was said about it."""
        known: dict[str, SagaState] = {}
        for trace in self.read(Trace, TRACE):
            before = known.get(trace.saga_id) or initial(definition_of(trace.scenario))
            known[trace.saga_id] = fold(before, trace.events)
        return known

    def committed(self, service: str = "provisioner") -> int:
        return sum(self.bus.committed_offsets(service, TOPICS_BY_SERVICE[service]).values())

    def backlog(self, service: str = "provisioner") -> int:
        return sum(self.bus.end_offsets(TOPICS_BY_SERVICE[service]).values()) - self.committed(service)


def begin() -> None:
    """Let the provisioner have done the first step of `saga-1` before."""
    first = participation.done(participation.blank("saga-1", "provision"), RESULTS["provision"], at=AT)
    Ledger("provisioner").record([Change(first, record())])


def take_on(bench: Workbench, worker: Worker, saga_id: str, *, lag_ms: int) -> None:
    """Let a worker take on a step of a saga, which takes so long."""
    bench.dials.lag_ms = (lag_ms, lag_ms)
    bench.send(request(saga_id=saga_id))
    worker.run_once()
