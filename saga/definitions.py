"""Saga definitions: tables of steps that check themselves when they are made.

A saga is a sequence of local transactions, each owned by one participant (Garcia-Molina and Salem, "Sagas", 1987).
Nothing else in the project knows the order of the steps, who does them, or on which topic a request travels.
"""

from dataclasses import dataclass

from saga.errors import DefinitionError, MessageRejected

CHOREOGRAPHY = "choreography"
STYLES = (CHOREOGRAPHY,)
# What a service calls the closing of a saga in its ledger, where steps stand too.
CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One local transaction: `service` does `name` when asked on `topic`."""

    name: str
    service: str
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A scenario: its steps in order, and who closes the loop on which topic."""

    scenario: str
    steps: tuple[Step, ...]
    closing_topic: str
    closed_by: str

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        topics = [*(step.topic for step in self.steps), self.closing_topic]
        if not names:
            raise DefinitionError(f"{self.scenario}: a saga needs at least one step")
        if len(set(names)) < len(names):
            raise DefinitionError(f"{self.scenario}: two steps have the same name: {names}")
        if CLOSE in names:
            raise DefinitionError(f"{self.scenario}: no step can be called {CLOSE!r}, as the closing is")
        if len(set(topics)) < len(topics):
            raise DefinitionError(f"{self.scenario}: two requests share a topic: {topics}")
        if self.closed_by != self.steps[0].service:
            raise DefinitionError(f"{self.scenario}: a closed loop ends where it began, at {self.steps[0].service}")

    @property
    def opening_topic(self) -> str:
        return self.steps[0].topic

    def step(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise MessageRejected(f"scenario {self.scenario!r} has no step {name!r}")

    def step_after(self, name: str) -> Step | None:
        following = self.steps.index(self.step(name)) + 1
        return self.steps[following] if following < len(self.steps) else None

    def names_before(self, name: str | None) -> tuple[str, ...]:
        """Return the names of the steps before step `name`, all of them before the closing (None)."""
        names = tuple(step.name for step in self.steps)
        return names if name is None else names[: names.index(self.step(name).name)]


ONBOARDING = Definition(
    scenario="onboarding",
    steps=(
        Step(name="provision", service="provisioner", topic="new-user"),
        Step(name="authorize", service="authorizer", topic="authorize"),
        Step(name="notify", service="notifier", topic="notify"),
    ),
    closing_topic="notified",
    closed_by="provisioner",
)

DEFINITIONS = {definition.scenario: definition for definition in (ONBOARDING,)}


def definition_of(scenario: str) -> Definition:
    """Return the definition of a scenario. Raises MessageRejected for an unknown one."""
    try:
        return DEFINITIONS[scenario]
    except KeyError:
        raise MessageRejected(f"unknown scenario {scenario!r}") from None
