"""What the HTTP API is asked, as its OpenAPI document describes it."""

import re
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticUseDefault

from dashboard.readmodel.people import TRAVELLER, user_of
from dashboard.web.roster import MAX_USERS
from saga import messages
from saga.definitions import DEFINITIONS, ONBOARDING, STYLES
from saga.messages import Action, ErrorText, User
from saga.state import COMPENSATED, COMPENSATING, COMPLETED, RUNNING, STUCK
from saga.steering import FaultRules, Instant

Scenario = Literal[tuple(DEFINITIONS)]
Style = Literal[STYLES]
Status = Literal[RUNNING, COMPENSATING, COMPLETED, COMPENSATED, STUCK]
MAX_FAULTS = 10
StepName = Annotated[str, Field(max_length=100)]


class _Request(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _find_unknown(cls, given: object) -> object:
        """Complain about the first field that is unknown, and not at length about each of a hundred thousand."""
        fields = given if isinstance(given, dict) else ()
        unknown = next((name for name in fields if name not in cls.model_fields), None)
        if unknown is not None:
            raise ValueError(f"there is no field {unknown[:100]!r}")
        return given


class NewUser(_Request):
    name: str
    department: str = TRAVELLER


class StepFault(_Request):
    """What shall go wrong with one step of each of these sagas."""

    failures: int | None = Field(1, ge=1, le=1000, description="How many attempts fail; null for all of them.")
    retryable: bool = Field(False, description="If not, the first failed attempt fails the step.")
    error: ErrorText | None = None
    action: Literal["do", "undo"] = Field("do", description="The step, or its compensation.")

    @property
    def value(self) -> messages.StepFault:
        return messages.StepFault(**self.dict(exclude={"action"}), action=Action(self.action))


class NewSagas(_Request):
    """Either `count` made-up users, or `users` by name. `faults` are by step. Trips need no department."""

    scenario: Scenario = ONBOARDING.scenario
    style: Style | None = Field(None, description="Choreography where the scenario has it, else orchestration.")
    faults: dict[StepName, StepFault] | None = Field(None, max_length=MAX_FAULTS)
    count: int | None = Field(None, ge=1, le=MAX_USERS, description="How many; 1 unless users are given.")
    users: list[NewUser] | None = Field(None, min_length=1, max_length=MAX_USERS)

    @field_validator("faults", mode="before")
    @classmethod
    def _count_faults(cls, given: object) -> object:
        """Before each of a hundred thousand is looked at."""
        if isinstance(given, dict) and len(given) > MAX_FAULTS:
            raise ValueError(f"a saga has at most {MAX_FAULTS} steps")
        return given

    @model_validator(mode="after")
    def _check_count(self) -> "NewSagas":
        if self.users is not None and self.count not in (None, len(self.users)):
            raise ValueError(f"count is {self.count}, but {len(self.users)} users are given")
        definition = DEFINITIONS[self.scenario]
        if self.style not in (None, *definition.styles):
            raise ValueError(f"{self.scenario} is only {' or '.join(definition.styles)}")
        if unknown := set(self.faults or {}) - {step.name for step in definition.steps}:
            raise ValueError(f"{self.scenario} has no step {min(unknown)!r}")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """Return what `outbox.accept` is asked. Raises BadRequest for a name that is none."""
        definition = DEFINITIONS[self.scenario]
        return {
            "definition": definition,
            "style": self.style or definition.styles[0],
            "users": self._checked_users() or self.count or 1,
            "faults": {step: fault.value for step, fault in (self.faults or {}).items()},
        }

    def _checked_users(self) -> list[User]:
        given = enumerate(self.users or ())
        return [user_of(user.name, user.department, where=f"users.{place}: ") for place, user in given]


class PageQuery(Schema):
    """What is left empty, as in `?after=`, is not asked for."""

    after: int | None = Field(None, ge=0, description="The `next` of the page before.")
    limit: int = Field(500, ge=1, le=1000)

    @field_validator("*", mode="before")
    @classmethod
    def _pass_over_empty(cls, value: object) -> object:
        if value == "":
            raise PydanticUseDefault
        return value

    @field_validator("after", "limit", mode="before")
    @classmethod
    def _want_digits(cls, value: object) -> object:
        if isinstance(value, str) and not re.fullmatch("[0-9]*", value):
            raise ValueError("a number is written in digits")
        return value


class SagaQuery(PageQuery):
    status: Status | None = None
    scenario: Scenario | None = None
    limit: int = Field(100, ge=1, le=1000)


class Faults(_Request):
    """What goes wrong at a service while this is on. Chance follows from `seed`, the user, the step and the attempt."""

    fail_rate: float = Field(0.0, ge=0, le=1, description="Part of the attempts that fail; 1 for all of them.")
    fail_next: int = Field(0, ge=0, le=1000, description="So many of the next attempts fail, of each instance.")
    retryable: bool = True
    action: Literal["do", "undo"] = "do"
    step: StepName | None = Field(None, description="Only attempts at this step fail.")
    error: ErrorText = "a fault was asked for"
    drop_rate: float = Field(0.0, ge=0, le=1, description="Part of the arriving messages that are lost.")
    duplicate_rate: float = Field(0.0, ge=0, le=1)
    delay_rate: float = Field(0.0, ge=0, le=1)
    delay_ms: int = Field(1000, ge=0, le=60_000)
    reorder_rate: float = Field(0.0, ge=0, le=1)
    crash_at: Literal[tuple(map(str, Instant))] | None = Field(None, description="Die once, at the next such instant.")
    seed: int = Field(0, ge=0, lt=2**31)

    @property
    def rules(self) -> FaultRules:
        given = self.dict(exclude={"fail_next", "crash_at", "action"})
        return FaultRules(**given, action=Action(self.action))

    @property
    def once(self) -> dict[str, Any]:
        return {name: value for name in ("fail_next", "crash_at") if (value := getattr(self, name))}


class ServiceChange(_Request):
    running: bool | None = None
    lag_ms: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None
    faults: Faults | None = Field(None, description="These rules take the place of all that are on; {} switches off.")


class Resolution(_Request):
    step: StepName = Field(description="The step whose effect a person has undone.")


class Nothing(_Request):
    """There is nothing to say besides; what is said must be JSON all the same."""


class Replay(_Request):
    value: str | None = Field(None, description="The corrected message; without it, the message as it was.")


AS_IT_WAS = Replay()
