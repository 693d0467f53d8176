"""A real run and a real Chromium."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests import chromium
from tests.live import LiveWorkshop

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="package")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    live = LiveWorkshop(tmp_path_factory.mktemp("run"), LAG_MS="100,800").start()
    yield live
    live.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        assert not os.environ.get("CI"), "the browser tests need Chromium"
        pytest.skip("no Chromium was found: install one, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        # The very first start on a machine fills caches and takes long.
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What browsers write on their consoles. There must be nothing, but for what a test brings about and clears."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, workshop: LiveWorkshop, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the board, or the page at `path`, each time in a browser of its own."""
    contexts: list[BrowserContext] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} {message.location}")

    def open_one(path: str = "/") -> Page:
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}))
        page = contexts[-1].new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(workshop.url + path)
        if path == "/":
            page.locator("[data-count=running]").filter(has_text="0").wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[[], Page]) -> Page:
    return open_page()


@pytest.fixture(autouse=True)
def _quiet_workshop(workshop: LiveWorkshop) -> Iterator[None]:
    """Each test leaves nothing under way, and nothing broken."""
    yield
    workshop.clear_faults()
    for service in workshop.get("/api/services")["services"]:
        if not service["running"]:
            workshop.send("PATCH", f"/api/services/{service['name']}", {"running": True})
    workshop.wait_until_quiet()


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "class.csv"
    path.write_text("name,department\nGrace Hopper,Engineering\nAda Lovelace,Data\n", encoding="utf-8")
    return path
