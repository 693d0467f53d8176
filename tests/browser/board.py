"""What the browser tests look at, by the names that people know."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

SLOW = 60_000

SetLag = Callable[[int, int], None]


def row(page: Page, saga_id: str) -> Locator:
    return page.locator(f"tr[data-saga-id='{saga_id}']")


def part(page: Page, saga_id: str, name: str) -> Locator:
    """Return what has this name in the row of a saga."""
    return row(page, saga_id).locator(f"[data-part={name}]")


def status(page: Page, saga_id: str, wanted: str) -> Locator:
    """Return the row of a saga once it has the status."""
    found = row(page, saga_id)
    expect(found).to_have_attribute("data-status", wanted, timeout=SLOW)
    return found


def card(page: Page, service: str) -> Locator:
    return page.locator(f"[data-service={service}]")


def counted(page: Page, counter: str) -> int:
    """Return what one of the live numbers is now."""
    return int(page.locator(f"[data-count={counter}]").inner_text().replace(",", ""))


def click_for_saga(page: Page, button: str, *, within: str) -> str:
    """Click a button, and return the id of the saga that the server says it started."""
    with page.expect_response(lambda answer: answer.url.endswith("/api/sagas")) as waited:
        page.locator(f"[data-component={within}]").get_by_role("button", name=button, exact=True).click()
    [saga_id] = waited.value.json()["saga_ids"]
    return saga_id


def onboard(page: Page, times: int = 1) -> list[str]:
    """Click the button and return the ids of the sagas whose rows appeared, in the order they were started."""
    before = set(shown(page))
    for _ in range(times):
        page.get_by_role("button", name="Onboard New User", exact=True).click()
    eventually(lambda: len(set(shown(page)) - before) == times, within_s=PATIENCE_S)
    return [saga_id for saga_id in reversed(shown(page)) if saga_id not in before]


def shown(page: Page) -> list[str]:
    rows = page.get_by_role("table", name="Sagas").locator("tr[data-saga-id]")
    return rows.evaluate_all("rows => rows.map(row => row.dataset.sagaId)")


def expect_completed(page: Page, saga_ids: list[str]) -> None:
    for saga_id in saga_ids:
        status(page, saga_id, "completed")


def expect_every_event(items: Locator, workshop: LiveWorkshop, saga_id: str) -> None:
    """Wait until there are as many items as the saga has events: some may be told after its end."""
    eventually(lambda: items.count() == len(workshop.saga(saga_id)["events"]), within_s=PATIENCE_S)
