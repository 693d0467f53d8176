"""How a saga's own page draws it: where each half of a step is, and what each event means."""

import re
from pathlib import Path
from typing import Any

import pytest

from dashboard.web import drawing, stories
from dashboard.web.requests import NewSagas
from saga.definitions import DEFINITIONS
from saga.state import STEP_STATUSES

WORDS = (Path(__file__).parents[2] / "static" / "js" / "model" / "states.js").read_text(encoding="utf-8")


def row(status: str, *steps: str, **changes: Any) -> dict[str, Any]:
    """Return a trip's row whose steps have these statuses."""
    names = ("car", "hotel", "flight")
    known = {"service": "x", "attempts": 1, "undo_attempts": 0, "result": None, "error": None, "next_attempt_at": None}
    return {
        "scenario": "trip",
        "style": "orchestration",
        "status": status,
        "reason": None,
        "rolling_back": False,
        "ended_at": None,
        "steps": [{"name": name, "status": one, **known} for name, one in zip(names, steps, strict=True)],
        **changes,
    }


def test_what_only_another_version_knows_is_drawn_as_a_chain() -> None:
    saga = row("running", "done", "received", "waiting", scenario="voyage")
    assert [[step["name"] for step in stage] for stage in drawing.stages_of(saga)] == [["car"], ["hotel"], ["flight"]]
    assert "another version" in drawing.style_words(saga)


def halves(saga: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["do"]["state"], step["undo"]["state"]) for stage in drawing.stages_of(saga) for step in stage]


ENDED = {"ended_at": "2026-01-01T00:00:00Z"}
DRAWN = {
    "on its way": (
        row("running", "done", "received", "waiting"),
        [("done", "not needed"), ("under way", "not needed"), ("to come", "not needed")],
    ),
    "going back": (
        row("compensating", "done", "undoing", "failed"),
        [("done", "to come"), ("done", "under way"), ("failed", "nothing to undo")],
    ),
    "rolled back, and nobody has begun": (
        row("running", "done", "received", "waiting", rolling_back=True),
        [("done", "to come"), ("under way", "to come"), ("not reached", "not needed")],
    ),
    "going back while a step is tried again": (
        row("compensating", "failed", "retrying", "received"),
        [("failed", "nothing to undo"), ("trying again", "to come"), ("under way", "to come")],
    ),
    "rolled back along the chain": (
        row("running", "done", "received", "waiting", rolling_back=True, style="choreography"),
        [("done", "to come"), ("under way", "not needed"), ("not reached", "not needed")],
    ),
    "stuck because nothing came": (
        row("stuck", "done", "waiting", "waiting", reason="no progress for 20 s"),
        [("done", "not needed"), ("to come", "not needed"), ("to come", "not needed")],
    ),
    "stuck on the way back": (
        row("stuck", "stuck", "undone", "failed"),
        [("done", "stuck"), ("done", "undone"), ("failed", "nothing to undo")],
    ),
    "compensated": (
        row("compensated", "undone", "failed", "waiting", reason="full", **ENDED),
        [("done", "undone"), ("failed", "nothing to undo"), ("not reached", "not needed")],
    ),
    "completed": (row("completed", "done", "done", "done", **ENDED), [("done", "not needed")] * 3),
}


@pytest.mark.parametrize(("saga", "expected"), DRAWN.values(), ids=DRAWN)
def test_each_half_of_a_step_says_where_it_is(saga: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert halves(saga) == expected


def test_steps_at_the_same_time_stand_in_one_stage() -> None:
    package = row("running", "waiting", "waiting", "waiting") | {"scenario": "package"}
    for step, name in zip(package["steps"], ("plane", "hotel", "tickets"), strict=True):
        step["name"] = name
    assert [[step["name"] for step in stage] for stage in drawing.stages_of(package)] == [["plane", "hotel", "tickets"]]


def event(kind: str, *, service: str = "car", step: str | None = "car", payload: Any = None) -> dict[str, Any]:
    return {"kind": kind, "service": service, "step": step, "payload": payload}


REPLY = {"type": "workshop.saga.reply.v1"}
REQUEST = {"type": "workshop.saga.message.v1"}
ROLES = {
    "the coordinator asks": (event("started", service="coordinator"), "orchestration", "command"),
    "a participant answers": (event("failed", payload=REPLY), "orchestration", "reply"),
    "a service tells the next one": (event("succeeded", payload=REQUEST), "choreography", "event"),
    "a user joins": (event("started", service="dashboard", step=None), "choreography", "event"),
    "a service begins": (event("received", payload=REQUEST), "orchestration", "work"),
    "a compensation gives up": (event("stuck"), "orchestration", "work"),
    "a deadline passes": (event("stuck", service="dashboard", step=None), "orchestration", "trouble"),
    "nobody could read it": (event("dead-lettered", step=None, payload="{oops"), "choreography", "trouble"),
    "the coordinator ends it": (event("completed", service="coordinator", payload=REPLY), "orchestration", "end"),
}


@pytest.mark.parametrize(("said", "style", "role"), ROLES.values(), ids=ROLES)
def test_each_event_has_its_role(said: dict[str, Any], style: str, role: str) -> None:
    assert drawing.role_of(said, style=style) == role


@pytest.mark.parametrize("step", sorted({step.name for one in DEFINITIONS.values() for step in one.steps}))
def test_every_step_says_what_it_does_and_how_that_is_undone(step: str) -> None:
    assert all(drawing.DEEDS[step])


def test_every_status_of_a_step_can_be_drawn() -> None:
    assert set(drawing.HALVES) == set(STEP_STATUSES)


STATES = {state for halves in drawing.HALVES.values() for state in halves if state}
STATES |= {drawing.TO_COME, drawing.NOT_REACHED, drawing.NOT_NEEDED, *drawing.ROLES, *STEP_STATUSES}


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_has_a_sign_on_the_page(state: str) -> None:
    assert re.search(rf'^  "?{state}"?: {{ label: ', WORDS, re.M)


ALL_STORIES = {story.slug: story for group in stories.STORIES.values() for story in group}


@pytest.mark.parametrize("story", ALL_STORIES.values(), ids=ALL_STORIES)
def test_every_story_is_a_request_that_the_api_takes(story: stories.Story) -> None:
    assert NewSagas.model_validate_json(story.body)
