"""One click each: what a class is shown of the stories."""

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.board import click_for_saga, row, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 100)


# By button: how it ends, how its steps end, and what its row says.
STORIES = {
    "The package that works out": ("completed", ["done", "done", "done"], ["Maria"]),
    "The package whose hotel is full": (
        "compensated",
        ["undone", "failed", "undone"],
        ["Kevin", "no available hotel rooms", "undone: tickets, plane"],
    ),
    "Happy path": ("completed", ["done", "done", "done"], ["trip"]),
    "Recover forward": ("completed", ["done", "done", "done"], ["attempt 6"]),
    "Recover backward": ("compensated", ["undone", "undone", "failed"], ["no seat left", "undone: hotel, car"]),
    "Forward, then backward": ("compensated", ["undone", "undone", "failed"], ["no seat left", "undone: hotel, car"]),
    "Choreographed": (
        "compensated",
        ["undone", "failed", "waiting"],
        ["choreography", "frozen", "not reached", "undone: provision"],
    ),
    "Orchestrated": (
        "compensated",
        ["undone", "failed", "waiting"],
        ["orchestration", "frozen", "not reached", "undone: provision"],
    ),
}


def test_a_story_is_one_click_and_its_row_tells_how_it_went(
    page: Page, workshop: LiveWorkshop, subtests: pytest.Subtests
) -> None:
    # Some take their time, and none minds the others.
    told = {title: click_for_saga(page, title, within="stories") for title in STORIES}
    for title, (end, steps, words) in STORIES.items():
        with subtests.test(title):
            found = status(page, told[title], end)
            for word in words:
                expect(found).to_contain_text(word)
            wait_for_steps(workshop, found, told[title], steps)


def wait_for_steps(workshop: LiveWorkshop, found: Locator, saga_id: str, steps: list[str]) -> None:
    """Wait until its steps, and the cells of its row, have these statuses: the end may be told before their last."""
    cells, statuses = found.locator("[data-step]"), "cells => cells.map(cell => cell.dataset.status)"
    eventually(lambda: list(workshop.steps_of(saga_id).values()) == steps, within_s=PATIENCE_S)
    eventually(lambda: cells.evaluate_all(statuses) == steps, within_s=PATIENCE_S)


def start_a_trip_with_a_busy_rental(page: Page, workshop: LiveWorkshop, *, failures: int) -> tuple[str, Locator]:
    """Return the saga, and the cell of its first step."""
    fault = {"failures": failures, "retryable": True, "error": "the line is busy"}
    [saga_id] = workshop.start_sagas(scenario="trip", faults={"car": fault})
    return saga_id, row(page, saga_id).locator("[data-step]").first


NOTE_FIRST_STEPS = """() => {
  window.noted = new Set();
  const note = () => {
    for (const row of document.querySelectorAll("tr[data-saga-id]")) {
      noted.add(`${row.dataset.sagaId}: ${row.querySelector("[data-step]").textContent}`);
    }
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def test_while_a_step_is_tried_again_the_row_counts_down_and_gives_the_error(
    page: Page, workshop: LiveWorkshop
) -> None:
    page.evaluate(NOTE_FIRST_STEPS)  # the pause is over soon, and somebody who looks now and then may miss it
    saga_id, _ = start_a_trip_with_a_busy_rental(page, workshop, failures=3)
    status(page, saga_id, "completed")
    noted = "\n".join(page.evaluate("[...noted]"))
    assert re.search(rf"{saga_id}: car attempt 3\s*retry in \d\.\d s\s*the line is busy$", noted, re.M), noted


def test_the_next_attempt_is_not_waited_for_if_somebody_wants_it_now(page: Page, workshop: LiveWorkshop) -> None:
    saga_id, cell = start_a_trip_with_a_busy_rental(page, workshop, failures=5)
    row(page, saga_id).get_by_role("button").click()  # while nothing hurries: soon it is four seconds, and four more
    expect(cell).to_contain_text(re.compile("attempt [45]"))
    page.get_by_role("button", name="Retry now").click()
    eventually(lambda: came_early(workshop.saga(saga_id)["events"]), within_s=PATIENCE_S)
    status(page, saga_id, "completed")


def came_early(events: list[dict[str, Any]]) -> bool:
    """Was any attempt at the first step over before it was planned to begin?"""
    attempts = [event for event in events if event["step"] == "car"]
    return any(after["at"] < event["detail"].get("next_attempt_at", "") for event, after in pairwise(attempts))


def test_the_button_and_the_forms_respect_the_style(page: Page, workshop: LiveWorkshop) -> None:
    page.get_by_role("radio", name="orchestration").check()
    by_button = click_for_saga(page, "Onboard New User", within="onboard")
    page.get_by_label("Onboard many").fill("1")
    by_number = click_for_saga(page, "Onboard this many users", within="many")
    for saga_id in (by_button, by_number):
        expect(status(page, saga_id, "completed")).to_contain_text("orchestration")
    page.reload()
    expect(page.get_by_role("radio", name="orchestration")).to_be_checked()


def test_what_shall_break_is_chosen_in_a_form(page: Page, workshop: LiveWorkshop) -> None:
    page.get_by_text("Break something").click()
    form = page.locator("[data-component=breaking]")
    form.get_by_label("Scenario").select_option("trip")
    expect(form.get_by_label("Style")).to_have_value("orchestration")
    form.get_by_label("Failing step").select_option("hotel")
    form.get_by_label("Failures before success", exact=True).fill("2")
    form.get_by_label("Error").fill("nobody at the desk")
    saga_id = click_for_saga(page, "Start and break", within="breaking")
    expect(status(page, saga_id, "completed")).to_contain_text("attempt 3")
    errors = {event["detail"].get("error") for event in workshop.saga(saga_id)["events"]}
    assert errors == {None, "nobody at the desk"}


def test_what_the_form_cannot_ask_for_is_explained_beside_it(page: Page, complaints: list[str]) -> None:
    page.get_by_text("Break something").click()
    form = page.locator("[data-component=breaking]")
    form.get_by_label("Failing step").select_option("authorize")
    form.get_by_label("Failures before success", exact=True).fill("0")
    form.get_by_role("button", name="Start and break").click()
    expect(form.get_by_role("alert")).to_contain_text("failures")
    form.get_by_label("Failing compensation").select_option("authorize")
    form.get_by_role("button", name="Start and break").click()
    expect(form.get_by_role("alert")).to_contain_text("one fault for each step")
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]
