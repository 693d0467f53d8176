"""What a class sees when something is broken, and what somebody can do about it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from saga.definitions import PERSISTENT
from tests.browser.board import SLOW, card, click_for_saga, row, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

CLOSED = {"failures": None, "action": "undo", "error": "the rental is closed"}
CANNOT_GIVE_BACK = {"car": CLOSED, "flight": {"failures": None, "error": "no seat left"}}
CANNOT_GIVE_TWO_BACK = {"plane": CLOSED, "tickets": CLOSED, "hotel": {"failures": None, "error": "no room left"}}


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 100)


COUNT_REWRITTEN_ALERTS = """() => {
  window.rewritten = 0;
  const watch = new MutationObserver(() => (window.rewritten += 1));
  const changes = { subtree: true, childList: true, characterData: true, attributes: true };
  for (const alert of document.querySelectorAll("[role=alert]")) watch.observe(alert, changes);
}"""


def stuck_banner(page: Page):
    return page.get_by_role("region", name="Stuck sagas")


def test_stuck_sagas_cannot_be_missed_and_are_resolved_by_hand_or_retried(
    open_page: Callable[..., Page], workshop: LiveWorkshop
) -> None:
    traced, untraced = open_page(), open_page()
    untraced.get_by_role("switch", name="Trace Mode").click()
    [by_hand] = workshop.start_sagas(scenario="package", faults=CANNOT_GIVE_TWO_BACK)
    until_then = {"car": {**CLOSED, "failures": PERSISTENT.maximum_attempts}}
    [by_retry] = workshop.start_sagas(scenario="trip", faults=CANNOT_GIVE_BACK | until_then)
    for page in (traced, untraced):
        for saga_id in (by_hand, by_retry):
            expect(status(page, saga_id, "stuck")).to_contain_text("the rental is closed")
        expect(stuck_banner(page)).to_contain_text("2 sagas are stuck")
        expect(page.locator("[data-count=stuck]")).to_have_text("2")
    traced.evaluate(COUNT_REWRITTEN_ALERTS)
    stuck_banner(traced).get_by_role("button", name="Show").click()
    expect(traced.locator("tr[data-saga-id]")).to_have_count(2)
    row(traced, by_hand).get_by_role("button").click()
    first, second = [traced.get_by_role("button", name=f"Mark “{step}” as") for step in ("plane", "tickets")]
    place = second.bounding_box()
    first.click()
    expect(first).to_be_disabled()
    assert second.bounding_box() == place, "a second click would vouch for another step"
    second.click()
    status(traced, by_hand, "compensated")  # what is open stays, though only stuck ones are shown
    traced.get_by_label("Show").select_option("all")
    expect(stuck_banner(traced)).to_contain_text("1 saga is stuck")
    assert traced.evaluate("rewritten") == 0, "an alert was read out again"
    stuck_banner(traced).get_by_role("button", name="Retry all").click()
    for page in (traced, untraced):
        for saga_id in (by_hand, by_retry):
            status(page, saga_id, "compensated")
        expect(stuck_banner(page)).to_be_hidden()
    expect(row(traced, by_retry)).to_contain_text("undone: hotel, car")


def test_a_running_saga_is_rolled_back_from_its_row(page: Page, workshop: LiveWorkshop) -> None:
    workshop.stop_service("notifier")
    [saga_id] = workshop.onboard(1)
    eventually(lambda: workshop.steps_of(saga_id)["authorize"] == "done", within_s=PATIENCE_S)
    row(page, saga_id).get_by_role("button").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("button", name="Roll back")).to_be_hidden()
    workshop.change_service("notifier", running=True)
    expect(status(page, saga_id, "compensated")).to_contain_text("authorize, provision")


def test_what_has_ended_offers_no_rescue_and_the_server_says_why(page: Page, workshop: LiveWorkshop) -> None:
    saga_id = click_for_saga(page, "Happy path", within="stories")
    status(page, saga_id, "completed")
    row(page, saga_id).get_by_role("button").click()
    expect(page.locator("tr.history .event").first).to_be_visible()
    expect(page.get_by_role("button", name="Retry now")).to_be_hidden()
    expect(page.get_by_role("button", name="Roll back")).to_be_hidden()


def test_faults_are_shown_for_as_long_as_they_are_on(open_page: Callable[..., Page], workshop: LiveWorkshop) -> None:
    page, other = open_page(), open_page()
    card(page, "hotel").locator("summary").click()
    page.get_by_role("button", name="Faults of hotel…").click()
    dialog = page.get_by_role("dialog", name="Faults of hotel")
    dialog.get_by_role("radio", name="always").check()
    dialog.get_by_label("is tried again").uncheck()
    dialog.get_by_label("twice").fill("50")
    dialog.get_by_role("button", name="Switch on").click()
    expect(dialog).to_be_hidden()
    for one in (page, other):
        expect(card(one, "hotel")).to_contain_text("always fails doing any step, for good")
        expect(card(one, "hotel")).to_contain_text("50 % twice")
        expect(one.get_by_role("region", name="Faults that are on")).to_contain_text("hotel")
    workshop.wait_until_heard()
    broken = click_for_saga(page, "Happy path", within="stories")
    expect(status(page, broken, "compensated")).to_contain_text("a fault was asked for")
    page.get_by_role("button", name="Clear all faults").click()
    for one in (page, other):
        expect(one.get_by_role("region", name="Faults that are on")).to_be_hidden()
        expect(card(one, "hotel").locator(".chips")).to_be_hidden()
    workshop.wait_until_heard()
    status(page, click_for_saga(page, "Happy path", within="stories"), "completed")


def test_the_dialog_opens_with_what_is_on(page: Page, workshop: LiveWorkshop) -> None:
    workshop.set_faults("flight", fail_rate=0.25, step="plane", delay_rate=0.5, delay_ms=300, seed=7)
    expect(card(page, "flight")).to_contain_text("25 % fails doing plane")
    card(page, "flight").locator("summary").click()
    page.get_by_role("button", name="Faults of flight…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Percent of the attempts")).to_have_value("25")
    expect(dialog.get_by_role("combobox", name="of", exact=True)).to_have_value("plane")
    expect(dialog.get_by_label("by ms")).to_have_value("300")
    expect(dialog.get_by_label("Seed")).to_have_value("7")
    dialog.get_by_role("button", name="Switch off").click()
    expect(card(page, "flight").locator(".chips")).to_be_hidden()


def test_a_crash_is_ordered_seen_and_survived(page: Page, workshop: LiveWorkshop) -> None:
    card(page, "authorizer").locator("summary").click()
    page.get_by_role("button", name="Faults of authorizer…").click()
    page.get_by_label("Crash (SIGKILL)").select_option("after the ledger's transaction")
    page.get_by_role("button", name="Switch on").click()
    expect(card(page, "authorizer")).to_contain_text("crashes after the ledger's transaction", timeout=SLOW)
    saga_id = click_for_saga(page, "Onboard New User", within="onboard")
    expect(card(page, "authorizer")).to_contain_text("killed by SIGKILL", timeout=SLOW)
    status(page, saga_id, "completed")
    expect(card(page, "authorizer").locator(".chips")).to_be_hidden(timeout=SLOW)


def test_what_a_service_cannot_do_is_explained_in_the_dialog(
    page: Page, workshop: LiveWorkshop, complaints: list[str]
) -> None:
    card(page, "car").locator("summary").click()
    page.get_by_role("button", name="Faults of car…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("lost").fill("200")
    dialog.get_by_role("button", name="Switch on").click()
    expect(dialog.get_by_role("alert")).to_contain_text("drop_rate")
    assert workshop.service("car")["faults"] == {}
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]
