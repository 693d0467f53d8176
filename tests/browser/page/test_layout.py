"""How the page is laid out, on screens of the usual sizes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board import row, status
from tests.browser.conftest import VIEWPORT
from tests.live import LiveWorkshop

SCREENS = [(1280, 800), (1440, 900), (1680, 1050), (1728, 1117), (1920, 1080)]
IS_CUT = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent)"


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The board, which others want in the size that they know."""
    yield page
    page.set_viewport_size(VIEWPORT)


def test_no_usual_screen_cuts_which_it_is_whose_and_how_it_stands(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = workshop.start_sagas(users=[{"name": "Katherine Andersson", "department": "Engineering"}])
    status(page, saga_id, "completed")
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        expect(row(page, saga_id)).to_be_visible()
        row(page, saga_id).locator(".number a").evaluate("number => (number.textContent = '123456')")
        told = row(page, saga_id).locator(".number, .user :is(strong, small), .sign, .finished *")
        assert told.evaluate_all(IS_CUT) == [], width
