"""Saga definitions: tables of steps that check themselves when they are made.

A saga is a sequence of local transactions, each owned by one participant, each with a compensation that undoes it
(Garcia-Molina and Salem, "Sagas", 1987). Nothing else in the project knows the order of the steps, who does them, on
which topic a request travels, or how often it is tried.
"""

import re
from dataclasses import dataclass, field
from itertools import chain

from saga.errors import DefinitionError, MessageRejected, StepFailed
from saga.retry import RetryPolicy

CHOREOGRAPHY = "choreography"
ORCHESTRATION = "orchestration"
STYLES = (CHOREOGRAPHY, ORCHESTRATION)

# What stands where a step's name would: for the closing, in a ledger; for the saga as a whole, in ids.
CLOSE = "close"
WHOLE = "saga"
COORDINATOR = "coordinator"
# Where the coordinator hears of sagas to run, and where participants tell it what became of its commands.
SAGAS = "sagas"
REPLIES = "replies"

# A name is also a topic, a database, a column's value and a label of a figure.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")

PATIENT = RetryPolicy(initial_s=0.5, maximum_s=4.0, maximum_attempts=6, non_retryable=(StepFailed,))
# A compensation may not abort, so it is tried for longer; then somebody has to look.
PERSISTENT = RetryPolicy(initial_s=0.5, maximum_s=4.0, maximum_attempts=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One local transaction: `service` does `name` when asked on `topic`, and undoes it when asked on `undo_topic`."""

    name: str
    service: str
    topic: str
    undo_topic: str
    retry: RetryPolicy = PATIENT
    undo_retry: RetryPolicy = PERSISTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Who ends a choreographed saga when asked on `topic`, and rolls it back when asked on `undo_topic`."""

    service: str
    topic: str
    undo_topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A scenario: stages in order, the steps of one stage at the same time; compensation goes through them in reverse.

    Without a `closing` it can only be orchestrated. Systems disagree about whether the step that failed is compensated
    as well; here it is the definition that says so.
    """

    scenario: str
    stages: tuple[tuple[Step, ...], ...]
    closing: Closing | None = None
    compensates_failed_step: bool = False
    steps: tuple[Step, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(chain.from_iterable(self.stages)))  # frozen, but not yet seen
        names = [step.name for step in self.steps]
        for name in (self.scenario, *names, *(step.service for step in self.steps)):
            if not _NAME.fullmatch(name):
                raise DefinitionError(
                    f"{self.scenario}: {name!r} is no name: small letters, digits, dashes, at most 32"
                )
        if not self.stages or not all(self.stages):
            raise DefinitionError(f"{self.scenario}: a saga needs at least one step, and so does each stage")
        if len(set(names)) < len(names):
            raise DefinitionError(f"{self.scenario}: two steps have the same name: {names}")
        if taken := {CLOSE, WHOLE} & set(names):
            raise DefinitionError(f"{self.scenario}: no step can be called {min(taken)!r}: that means the saga itself")
        if self.closing:
            self._check_chain(self.closing)

    def _check_chain(self, closing: Closing) -> None:
        topics = [*chain.from_iterable((step.topic, step.undo_topic) for step in self.steps)]
        topics += [closing.topic, closing.undo_topic]
        if len(set(topics)) < len(topics):
            raise DefinitionError(f"{self.scenario}: two requests of a chain share a topic: {topics}")
        if len(self.steps) > len(self.stages):
            raise DefinitionError(f"{self.scenario}: steps at the same time need a coordinator to wait for all of them")
        if closing.service != self.steps[0].service:
            raise DefinitionError(f"{self.scenario}: a closed loop ends where it began, at {self.steps[0].service}")

    @property
    def styles(self) -> tuple[str, ...]:
        return STYLES if self.closing else (ORCHESTRATION,)

    def step(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise MessageRejected(f"scenario {self.scenario!r} has no step {name!r}")

    def step_after(self, name: str) -> Step | None:
        following = self.steps.index(self.step(name)) + 1
        return self.steps[following] if following < len(self.steps) else None

    def step_before(self, name: str) -> Step | None:
        at = self.steps.index(self.step(name))
        return self.steps[at - 1] if at else None

    def names_before(self, name: str) -> tuple[str, ...]:
        """Return the names of the steps in the stages before the one of step `name`."""
        self.step(name)
        names: list[str] = []
        for stage in self.stages:
            if name in (step.name for step in stage):
                break
            names += (step.name for step in stage)
        return tuple(names)


ONBOARDING = Definition(
    scenario="onboarding",
    stages=(
        (Step(name="provision", service="provisioner", topic="new-user", undo_topic="undo-provision"),),
        (Step(name="authorize", service="authorizer", topic="authorize", undo_topic="undo-authorize"),),
        (Step(name="notify", service="notifier", topic="notify", undo_topic="undo-notify"),),
    ),
    closing=Closing(service="provisioner", topic="notified", undo_topic="roll-back"),
)


def _booking(name: str, *, service: str) -> Step:
    """Return a step that only the coordinator asks for: do and undo travel on the service's one command topic."""
    return Step(name=name, service=service, topic=service, undo_topic=service)


TRIP = Definition(
    scenario="trip",
    stages=(
        (_booking("car", service="car"),),
        (_booking("hotel", service="hotel"),),
        (_booking("flight", service="flight"),),
    ),
)
PACKAGE = Definition(
    scenario="package",
    stages=(
        (
            _booking("plane", service="flight"),
            _booking("hotel", service="hotel"),
            _booking("tickets", service="tickets"),
        ),
    ),
)

DEFINITIONS = {definition.scenario: definition for definition in (ONBOARDING, TRIP, PACKAGE)}


def definition_of(scenario: str) -> Definition:
    """Return the definition of a scenario. Raises MessageRejected for an unknown one."""
    try:
        return DEFINITIONS[scenario]
    except KeyError:
        raise MessageRejected(f"unknown scenario {scenario!r}") from None
