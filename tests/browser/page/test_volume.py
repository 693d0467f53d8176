"""A board with more sagas than anybody can look at. It comes last: the others would have to look for their rows."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.board import SLOW, row
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 0)


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Sagas").locator("tr[data-saga-id]")


def top_of(found: Locator) -> float:
    box = found.bounding_box()
    assert box is not None
    return box["y"]


def test_sixty_sagas_are_sixty_rows(page: Page, workshop: LiveWorkshop) -> None:
    started = workshop.onboard(60)
    row(page, started[-1]).wait_for(timeout=SLOW)
    held = rows(page).evaluate_all("rows => rows.map(row => row.dataset.sagaId)")
    assert set(started) <= set(held)
    expect(page.get_by_role("table", name="Sagas")).to_have_attribute("aria-rowcount", str(len(held) + 1))
    assert rows(page).last.get_attribute("aria-rowindex") == str(len(held) + 1)


def test_an_open_history_stays_where_it_is_while_others_click(page: Page, workshop: LiveWorkshop) -> None:
    opened = row(page, rows(page).nth(2).get_attribute("data-saga-id") or "")
    opened.get_by_role("button").click()
    page.locator("tr.history").get_by_role("listitem").first.wait_for(timeout=SLOW)
    before = top_of(opened)
    [newest] = workshop.onboard(1)
    row(page, newest).wait_for(state="attached", timeout=SLOW)
    assert top_of(opened) == pytest.approx(before, abs=1)
    expect(opened.get_by_role("button")).to_be_focused()


def test_hundreds_of_sagas_are_a_few_dozen_rows_and_the_one_with_the_focus_stays(
    page: Page, workshop: LiveWorkshop
) -> None:
    focused = row(page, rows(page).first.get_attribute("data-saga-id") or "").get_by_role("button")
    focused.focus()
    workshop.onboard(500)
    table = page.get_by_role("table", name="Sagas")
    eventually(lambda: int(table.get_attribute("aria-rowcount") or 0) > 500, within_s=PATIENCE_S)
    expect(page.locator("[data-count=running]")).to_have_text("0", timeout=SLOW)
    assert 5 < rows(page).count() <= 80
    page.evaluate("scrollTo(0, 0)")
    expect(rows(page).first).to_be_in_viewport()
    assert rows(page).count() <= 80
    expect(focused).to_be_focused()


def test_hundreds_of_sagas_are_printed_without_empty_pages(page: Page) -> None:
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) <= 3


def test_a_row_that_is_used_again_reads_each_name_in_its_own_direction(page: Page, workshop: LiveWorkshop) -> None:
    for name, direction in (("محمد عبد الرحمن", "rtl"), ("Grace Hopper", "ltr")):
        [saga_id] = workshop.start_sagas(users=[{"name": name, "department": "Data"}])
        expect(row(page, saga_id).get_by_text(name)).to_have_css("direction", direction)
