"""What somebody reads, types or relies on stays what and where it is, whatever else comes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board import card, expect_completed, onboard, row, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

pytestmark = pytest.mark.usefixtures("quick")

MANY = 40


@pytest.fixture
def _started_again(workshop: LiveWorkshop) -> Iterator[None]:
    yield
    workshop.change_service("car", running=True)


@pytest.mark.usefixtures("_started_again")
def test_a_banner_that_comes_moves_nothing_that_is_read_further_down(page: Page, workshop: LiveWorkshop) -> None:
    expect_completed(page, workshop.onboard(MANY))
    page.evaluate("scrollTo(0, 1_500)")
    eventually(lambda: page.evaluate("scrollY") > 1_000)
    read = page.locator("tr[data-saga-id]").nth(MANY // 2)
    place = read.bounding_box()
    workshop.stop_service("car")
    expect(page.get_by_role("region", name="Services that are stopped")).to_be_visible()
    assert read.bounding_box() == pytest.approx(place, abs=1)  # the browser rounds where it scrolls to


def test_keys_act_on_the_saga_that_has_the_focus_or_on_none(page: Page, workshop: LiveWorkshop) -> None:
    workshop.stop_service("notifier")
    older, newer = onboard(page, 2)
    page.get_by_label("Show").select_option("under way")
    opener = row(page, older).get_by_role("button")
    opener.focus()
    workshop.change_service("notifier", running=True)
    expect(row(page, newer)).to_be_hidden()
    status(page, older, "completed")
    expect(opener).to_be_focused()
    page.keyboard.press("t")
    expect(opener).to_be_hidden()
    expect(page.get_by_role("region", name="Sagas", exact=True)).to_be_focused()


def test_a_saga_that_is_no_longer_traced_leaves_the_focus_with_the_table(page: Page, workshop: LiveWorkshop) -> None:
    expect_completed(page, workshop.onboard(2))
    workshop.stop_service("notifier")
    [running] = onboard(page)
    row(page, running).get_by_role("link").focus()
    page.keyboard.press("t")
    expect(row(page, running)).to_be_hidden()
    expect(page.get_by_role("region", name="Sagas", exact=True)).to_be_focused()


def test_an_invitation_that_goes_leaves_the_focus_with_the_table(page: Page, workshop: LiveWorkshop) -> None:
    workshop.stop_service("notifier")
    page.get_by_label("Show").select_option("under way")
    show_all = page.get_by_role("button", name="Show all")
    expect(show_all).to_be_visible()
    show_all.focus()
    workshop.onboard(1)
    expect(show_all).to_be_hidden()
    expect(page.get_by_role("region", name="Sagas", exact=True)).to_be_focused()


def test_who_sets_a_lag_stays_in_its_field(page: Page, workshop: LiveWorkshop) -> None:
    notifier = card(page, "notifier")
    notifier.locator("summary").click()
    longest = notifier.get_by_role("spinbutton").last
    for typed in (150, 100):
        longest.fill(str(typed))
        longest.press("Enter")
        eventually(lambda typed=typed: workshop.service("notifier")["lag_ms"][1] == typed, within_s=PATIENCE_S)
        expect(longest).to_be_focused()
        expect(longest).to_have_value(str(typed))


def test_a_verdict_is_shown_as_long_as_somebody_asks_for_it(page: Page) -> None:
    panel = page.locator("[data-component=invariants]")
    verdict = panel.locator("[data-part=verdict]")
    panel.locator("summary").click()
    expect(verdict).to_have_text("all hold")
    panel.locator("summary").click()
    expect(verdict).to_have_text("")
