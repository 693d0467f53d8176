"""A board with more sagas than anybody can look at. It comes last: the others would have to look for their rows."""

from playwright.sync_api import Page, expect

from tests.eventually import eventually
from tests.live import PATIENCE_S, LiveWorkshop


def test_hundreds_of_sagas_are_a_few_dozen_rows(page: Page, workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 0)
    page.get_by_label("Onboard many").fill("500")
    page.get_by_role("button", name="Onboard this many users").click()
    table = page.get_by_role("table", name="Sagas")
    eventually(lambda: int(table.get_attribute("aria-rowcount") or 0) > 500, within_s=PATIENCE_S)
    expect(page.locator("[data-count=running]")).to_have_text("0", timeout=60_000)
    assert 5 < page.locator("tr[data-saga-id]").count() <= 80
