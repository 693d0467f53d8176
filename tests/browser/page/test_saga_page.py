"""The page of one saga, while it goes on and afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board import SLOW, click_for_saga, expect_every_event, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 100)


def half(page: Page, step: str, which: str):
    return page.get_by_role("region", name=step, exact=True).locator(f"[data-half={which}]")


def test_a_row_leads_to_the_history_of_its_saga(page: Page, workshop: LiveWorkshop) -> None:
    saga_id = click_for_saga(page, "The package whose hotel is full", within="stories")
    status(page, saga_id, "compensated").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kevin")
    expect(page.locator(".saga-head")).to_contain_text("no available hotel rooms")
    expect_every_event(page.get_by_role("list", name="Events").locator("> li"), workshop, saga_id)
    page.get_by_role("link", name="All sagas").click()
    expect(page.get_by_role("table", name="Sagas")).to_be_visible()


def test_the_definition_shows_what_was_done_and_undone(open_page: Callable[..., Page], workshop: LiveWorkshop) -> None:
    [saga_id] = workshop.start_sagas(scenario="trip", faults={"flight": {"failures": None}})
    page = open_page(f"/sagas/{saga_id}")
    expect(half(page, "car", "undo")).to_contain_text("undone", timeout=SLOW)
    expect(half(page, "car", "do")).to_contain_text("done")
    expect(half(page, "flight", "do")).to_contain_text("failed")
    expect(half(page, "flight", "undo")).to_contain_text("nothing to undo")


@pytest.mark.parametrize("scenario", ["trip", "package"])
def test_what_is_done_stands_in_one_row_and_what_is_undone_in_another(
    open_page: Callable[..., Page], workshop: LiveWorkshop, scenario: str
) -> None:
    failing = {"hotel": {"failures": None, "retryable": False, "error": "no available hotel rooms"}}
    [saga_id] = workshop.start_sagas(scenario=scenario, faults=failing)
    workshop.wait_for_status(saga_id, "compensated")
    page = open_page(f"/sagas/{saga_id}")
    for which in ("do", "undo"):
        tops = page.locator(f"[data-half={which}]").evaluate_all(
            "halves => halves.map(half => half.getBoundingClientRect().top)"
        )
        assert len(tops) == 3
        assert len(set(tops)) == 1


def test_commands_replies_and_compensations_are_told_apart_in_words(
    open_page: Callable[..., Page], workshop: LiveWorkshop
) -> None:
    [saga_id] = workshop.start_sagas(scenario="trip", faults={"flight": {"failures": None}})
    eventually(lambda: workshop.status_of(saga_id) == "compensated", within_s=PATIENCE_S)
    page = open_page(f"/sagas/{saga_id}")
    roles = page.locator(".event .role")
    expect(roles.filter(has_text="command").filter(has_text="compensation")).to_have_count(2)
    expect(roles.filter(has_text="reply").filter(has_text="compensation")).to_have_count(2)
    expect(roles.filter(has_text="reply")).to_have_count(5)


def test_it_follows_its_saga_and_keeps_an_open_message_open(
    open_page: Callable[..., Page], workshop: LiveWorkshop
) -> None:
    workshop.stop_service("notifier")
    [saga_id] = workshop.onboard(1)
    page = open_page(f"/sagas/{saga_id}")
    expect(half(page, "authorize", "do")).to_contain_text("done", timeout=SLOW)
    expect(half(page, "notify", "do")).to_contain_text("to come")
    page.get_by_text("Message").first.click()
    payload = page.locator(".event").first.get_by_label("Payload")
    expect(payload).to_contain_text(saga_id)
    workshop.change_service("notifier", running=True)
    expect(half(page, "notify", "do")).to_contain_text("done", timeout=SLOW)
    expect(page.locator(".saga-head")).to_contain_text("completed", timeout=SLOW)
    expect(payload).to_be_visible()


def test_it_goes_on_after_an_answer_that_it_cannot_read(
    open_page: Callable[..., Page], workshop: LiveWorkshop, complaints: list[str]
) -> None:
    workshop.stop_service("notifier")
    [saga_id] = workshop.onboard(1)
    page = open_page(f"/sagas/{saga_id}")
    page.route(f"**/sagas/{saga_id}", lambda route: route.fulfill(body="<p>starting…</p>", content_type="text/html"))
    page.wait_for_event("pageerror")
    page.unroute(f"**/sagas/{saga_id}")
    workshop.change_service("notifier", running=True)
    expect(page.locator(".saga-head")).to_contain_text("completed", timeout=SLOW)
    complaints[:] = [text for text in complaints if "properties of null" not in text]


def test_it_is_rolled_back_from_its_own_page(open_page: Callable[..., Page], workshop: LiveWorkshop) -> None:
    workshop.stop_service("notifier")
    [saga_id] = workshop.onboard(1)
    page = open_page(f"/sagas/{saga_id}")
    page.get_by_role("button", name="Roll back").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("on its way")
    workshop.change_service("notifier", running=True)
    expect(page.locator(".saga-head")).to_contain_text("compensated", timeout=SLOW)
    expect(page.get_by_role("button", name="Roll back")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('main, main *')")  # keys go on where they were


def test_the_history_is_downloaded_as_json(
    open_page: Callable[..., Page], workshop: LiveWorkshop, tmp_path: Path
) -> None:
    [saga_id] = workshop.onboard(1)
    page = open_page(f"/sagas/{saga_id}")
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download JSON").click()
    waited.value.save_as(tmp_path / "saga.json")
    assert json.loads((tmp_path / "saga.json").read_text())["saga_id"] == saga_id


def test_a_saga_that_is_not_there_says_so(
    open_page: Callable[..., Page], workshop: LiveWorkshop, complaints: list[str]
) -> None:
    page = open_page("/sagas/no-such-saga")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_role("main")).to_contain_text("Old sagas are forgotten in time")
    page.get_by_role("link", name="All sagas").click()
    expect(page.get_by_role("table", name="Sagas")).to_be_visible()
    # Chromium itself writes down that it was a 404.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]
