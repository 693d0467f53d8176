"""How the page is laid out, on screens of the usual sizes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.board import part, row, status
from tests.browser.conftest import VIEWPORT
from tests.support.system.live import LiveWorkshop

PHONE = (390, 844)
SMALL_PHONE = (320, 640)
SCREENS = [(1280, 800), (1440, 900), (1680, 1050), (1728, 1117), (1920, 1080)]
LONGEST = {
    "elapsed": "59:59 min",
    "finished": "finished 123",
    "overtook": "▲ 87 overtook",
    "overtaken": "▼ 65 overtaken",
}
WRITE = "(node, words) => { node.textContent = words; node.hidden = false; }"
IS_CUT = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent)"


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The board, which others want in the size that they know."""
    yield page
    page.set_viewport_size(VIEWPORT)


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def top_of(element: Locator) -> float:
    expect(element).to_be_visible()
    return element.evaluate("element => element.getBoundingClientRect().top")


def height_of(element: Locator) -> float:
    element.scroll_into_view_if_needed()  # what is off the screen is not laid out
    return element.evaluate("element => element.getBoundingClientRect().height")


def test_on_a_phone_most_controls_are_folded_and_unfold_before_the_table(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = workshop.onboard(1)
    services, table = page.locator("#services-title"), page.get_by_role("table", name="Sagas")
    resize(page, PHONE)
    assert top_of(row(page, saga_id)) < PHONE[1]
    expect(services).to_be_hidden()
    page.get_by_role("button", name="More controls").click()
    assert top_of(services) < top_of(table)
    page.get_by_role("button", name="More controls").click()
    expect(row(page, saga_id)).to_be_in_viewport()


def test_no_usual_screen_cuts_which_it_is_whose_and_how_it_stands(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = workshop.start_sagas(users=[{"name": "Katherine Andersson", "department": "Engineering"}])
    status(page, saga_id, "completed")
    for size in SCREENS:
        resize(page, size)
        expect(row(page, saga_id)).to_be_visible()
        row(page, saga_id).locator(".number a").evaluate("number => (number.textContent = '123456')")
        told = row(page, saga_id).locator(".number, .user :is(strong, small), .sign, .finished *")
        assert told.evaluate_all(IS_CUT) == [], size


def test_on_a_small_phone_a_row_that_has_much_to_tell_is_as_high_as_the_others(
    page: Page, workshop: LiveWorkshop
) -> None:
    [short] = workshop.onboard(1)
    [long] = workshop.start_sagas(
        faults={"authorize": {"failures": None, "retryable": False, "error": "no such group"}}
    )
    status(page, short, "completed")
    status(page, long, "compensated")
    resize(page, SMALL_PHONE)
    for name, words in LONGEST.items():
        part(page, long, name).evaluate(WRITE, words)
    assert height_of(row(page, long)) == height_of(row(page, short))
