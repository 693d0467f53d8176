"""A coordinator in pure code: its log, and participants who answer what it commands."""

from collections.abc import Iterable
from random import Random

from pydantic import TypeAdapter

from saga import saga_log
from saga.definitions import ORCHESTRATION
from saga.messages import Action, Outcome, Reply, SagaMessage
from saga.routing import Routed
from saga.saga_log import LogEntry, LogState
from tests.support.sagas.factories import reply, request

STORED = TypeAdapter(LogEntry)


def start(scenario: str = "trip", **changes: object) -> SagaMessage:
    fields = {"style": ORCHESTRATION, "results": {}, "hop": 0} | changes
    return request(None, scenario=scenario, **fields)


def roll_back(scenario: str = "trip", *, hop: int = 50) -> SagaMessage:
    return start(scenario, action=Action.UNDO, hop=hop, reason="nobody wants it any more")


def stored(log: Iterable[LogEntry]) -> list[LogEntry]:
    """Return a log as a database gives it back."""
    return [STORED.validate_json(STORED.dump_json(entry, exclude_defaults=True)) for entry in log]


class Office:
    """A coordinator's log, and participants who answer, in any order, what it commands. Those of `failing` fail.

    Given a log to go on from, the participants have done what it says.
    """

    def __init__(self, log: Iterable[LogEntry] = (), *, failing: Iterable[str] = (), seed: int | None = None) -> None:
        self.log = list(log)
        self.on_the_way: list[SagaMessage] = []
        self.heard: list[tuple[int, SagaMessage | Reply]] = []
        self._answers = _answered(self.state)
        self._failing = frozenset(failing)
        self._random = None if seed is None else Random(seed)

    @property
    def state(self) -> LogState:
        return saga_log.replay(self.log)

    @property
    def standing(self) -> set[str]:
        """Return the steps that are done, and not undone."""
        return {step for step, answer in self._answers.items() if answer is Outcome.DONE}

    def hear(self, message: SagaMessage | Reply) -> list[LogEntry]:
        self.heard.append((len(self.log), message))
        entries = saga_log.decide(self.state, message)
        self.log += entries
        self.on_the_way += commands(saga_log.commands(self.state, message))
        return entries

    def run(self) -> None:
        while self.on_the_way:
            place = self._random.randrange(len(self.on_the_way)) if self._random else 0
            self.hear(self.answer(self.on_the_way.pop(place)))

    def answer(self, asked: SagaMessage) -> Reply:
        """Answer as a ledger does: what was decided stays, and what was undone before it was done is refused."""
        assert asked.step
        if asked.action is Action.UNDO:
            self._answers[asked.step] = Outcome.UNDONE
            return reply(asked, Outcome.UNDONE)
        fresh = Outcome.FAILED if asked.step in self._failing else Outcome.DONE
        found = self._answers.setdefault(asked.step, fresh)
        return reply(asked, Outcome.DONE if found is Outcome.DONE else Outcome.FAILED)


def commands(orders: Iterable[Routed]) -> list[SagaMessage]:
    messages = [routed.message for routed in orders]
    assert all(isinstance(message, SagaMessage) for message in messages)
    return [message for message in messages if isinstance(message, SagaMessage)]


def names(messages: Iterable[SagaMessage]) -> list[tuple[str, str | None]]:
    return [(str(message.action), message.step) for message in messages]


def lines(log: Iterable[LogEntry]) -> list[str]:
    return [" ".join(filter(None, (entry.mark, entry.step))) for entry in log]


def worked(scenario: str = "trip", *, failing: Iterable[str] = (), seed: int | None = None) -> Office:
    """Return an office that has seen a saga through."""
    office = Office(failing=failing, seed=seed)
    office.hear(start(scenario))
    office.run()
    return office


def _answered(state: LogState) -> dict[str, Outcome]:
    answers = dict.fromkeys(state.done, Outcome.DONE) | dict.fromkeys(state.failed, Outcome.FAILED)
    return answers | dict.fromkeys(state.undone, Outcome.UNDONE)
