"""The page on a light ground and on a dark one, as the system of whoever looks at it asks for."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.board import expect_completed
from tests.support.system.live import LiveWorkshop

pytestmark = pytest.mark.usefixtures("quick")

# What the guidelines for accessibility (WCAG 2.2, 1.4.3) ask for at least.
ENOUGH = 4.5
WORDS = "body, [data-saga-id] :is(td, strong, small, .sign, .passing span)"
INK_AND_GROUND = """
  elements => elements.map((element) => {
    let painted = element;
    while (getComputedStyle(painted).backgroundColor === "rgba(0, 0, 0, 0)") painted = painted.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(painted).backgroundColor];
  })
"""
Scheme = Literal["light", "dark"]


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The board, which others want in the colours that they know."""
    yield page
    page.emulate_media(color_scheme="null")


def seen(page: Page, scheme: Scheme) -> list[tuple[str, str]]:
    """Return the colours of ink and ground of words on the page, first of the page itself."""
    page.emulate_media(color_scheme=scheme)
    return page.locator(WORDS).evaluate_all(INK_AND_GROUND)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, ground: str) -> float:
    darker, lighter = sorted((luminance(ink), luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)


def test_words_stand_out_from_a_light_ground_and_from_a_dark_one(page: Page, workshop: LiveWorkshop) -> None:
    expect_completed(page, workshop.onboard(2))
    light, dark = seen(page, "light"), seen(page, "dark")
    assert luminance(light[0][1]) > 0.5 > luminance(dark[0][1])
    assert [colours for colours in light + dark if contrast(*colours) < ENOUGH] == []
