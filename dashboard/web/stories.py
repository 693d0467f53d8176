"""One click each: sagas whose plot is known before they start. A story is a request to the API, and a name for it."""

import json
from dataclasses import dataclass
from typing import Any

from dashboard.errors import BadRequest
from dashboard.readmodel import outbox
from dashboard.web.requests import NewSagas


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`request` is what `POST /api/sagas` is asked; `hint` says in a few words what there is to see."""

    slug: str
    title: str
    hint: str
    request: dict[str, Any]

    @property
    def body(self) -> str:
        return json.dumps(self.request)

    @property
    def breaks(self) -> bool:
        return "faults" in self.request


_FOR_GOOD = {"failures": None, "retryable": False}
_FIVE_TIMES = {"failures": 5, "retryable": True, "error": "the rental's line is busy"}
_NO_SEAT = {**_FOR_GOOD, "error": "no seat left on the flight"}
_NOT_ALLOWED = {"authorize": {**_FOR_GOOD, "error": "the department is frozen"}}

STORIES = {
    "Package, all at once": (
        Story(
            slug="package-works",
            title="The package that works out",
            hint="Maria: plane, hotel and tickets at the same time",
            request={"scenario": "package", "users": [{"name": "Maria"}]},
        ),
        Story(
            slug="package-full",
            title="The package whose hotel is full",
            hint="Kevin: the other two are waited for, then undone",
            request={
                "scenario": "package",
                "users": [{"name": "Kevin"}],
                "faults": {"hotel": {**_FOR_GOOD, "error": "no available hotel rooms"}},
            },
        ),
    ),
    "Trip, step by step": (
        Story(
            slug="trip-happy",
            title="Happy path",
            hint="Car, hotel, flight, one after the other",
            request={"scenario": "trip"},
        ),
        Story(
            slug="trip-forward",
            title="Recover forward",
            hint="The car fails 5 times, then succeeds",
            request={"scenario": "trip", "faults": {"car": _FIVE_TIMES}},
        ),
        Story(
            slug="trip-backward",
            title="Recover backward",
            hint="The flight fails: hotel and car are undone",
            request={"scenario": "trip", "faults": {"flight": _NO_SEAT}},
        ),
        Story(
            slug="trip-both",
            title="Forward, then backward",
            hint="The car fails 5 times, then the flight for good",
            request={"scenario": "trip", "faults": {"car": _FIVE_TIMES, "flight": _NO_SEAT}},
        ),
    ),
    "Onboarding, authorization refused": (
        Story(
            slug="onboarding-choreographed",
            title="Choreographed",
            hint="The failure travels back along the chain",
            request={"scenario": "onboarding", "style": "choreography", "faults": _NOT_ALLOWED},
        ),
        Story(
            slug="onboarding-orchestrated",
            title="Orchestrated",
            hint="The coordinator takes the device back",
            request={"scenario": "onboarding", "style": "orchestration", "faults": _NOT_ALLOWED},
        ),
    ),
}
_BY_SLUG = {story.slug: story for stories in STORIES.values() for story in stories}


def named(slug: str) -> Story:
    """Return the story of this slug. Raises BadRequest if there is none."""
    if slug not in _BY_SLUG:
        raise BadRequest(f"there is no story {slug!r}")
    return _BY_SLUG[slug]


def start(story: Story, *, traceparent: str | None = None) -> list[str]:
    """Start the sagas of a story, in the trace of `traceparent` if it is one. Raises NotAccepted."""
    return outbox.accept(**NewSagas.model_validate(story.request).wanted, traceparent=traceparent)
