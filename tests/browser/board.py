"""What the browser tests look at, by the names that people know."""

from playwright.sync_api import Locator, Page, expect

SLOW = 60_000


def row(page: Page, saga_id: str) -> Locator:
    return page.locator(f"tr[data-saga-id='{saga_id}']")


def status(page: Page, saga_id: str, wanted: str) -> Locator:
    """Return the row of a saga once it has the status."""
    found = row(page, saga_id)
    expect(found).to_have_attribute("data-status", wanted, timeout=SLOW)
    return found


def card(page: Page, service: str) -> Locator:
    return page.locator(f"[data-service={service}]")


def click_for_saga(page: Page, button: str, *, within: str) -> str:
    """Click a button, and return the id of the saga that the server says it started."""
    with page.expect_response(lambda answer: answer.url.endswith("/api/sagas")) as waited:
        page.locator(f"[data-component={within}]").get_by_role("button", name=button, exact=True).click()
    [saga_id] = waited.value.json()["saga_ids"]
    return saga_id
