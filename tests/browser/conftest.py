"""A real run and a real Chromium."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests import chromium
from tests.browser.board import SLOW
from tests.lacking import give_up
from tests.support.system.live import LiveWorkshop

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--process-per-site"]
VIEWPORT = {"width": 1440, "height": 900}
MOST_TABS = 2

# Whatever is waited for comes when it comes, on a machine that has other things to do.
expect.set_options(timeout=SLOW)


@pytest.fixture(scope="package")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    live = LiveWorkshop(tmp_path_factory.mktemp("run"), LAG_MS="100,800").start()
    yield live
    live.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        give_up("no Chromium was found: install one, or name it in CHROMIUM")
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


@pytest.fixture(scope="package")
def _tabs(browser: Browser) -> Iterator[list[Page]]:
    """Each of a browser of its own. To start one takes longer than most tests: whoever comes next has the same."""
    with ExitStack() as opened:
        yield [opened.enter_context(browser.new_context(viewport=VIEWPORT)).new_page() for _ in range(MOST_TABS)]


@pytest.fixture
def open_page(_tabs: list[Page], workshop: LiveWorkshop, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the board, or the page at `path`, each time in a browser that remembers nothing."""
    with ExitStack() as opened:
        unused = iter(_tabs)

        def open_one(path: str = "/") -> Page:
            page = opened.enter_context(_put_away(next(unused), workshop))
            opened.enter_context(_heard(page, complaints))
            if path == "/":
                _open_board(page, workshop)
            else:
                page.goto(workshop.url + path)
            return page

        yield open_one


@pytest.fixture
def page(open_page: Callable[[], Page]) -> Page:
    """The board."""
    return open_page()


@contextmanager
def _put_away(page: Page, workshop: LiveWorkshop) -> Iterator[Page]:
    """Let the page forget everything afterwards."""
    yield page
    page.evaluate("localStorage.clear()")
    page.context.clear_cookies()
    page.goto(f"{workshop.url}/healthz")  # a page of another place would cost a process, and one more to come back


@contextmanager
def _heard(page: Page, complaints: list[str]) -> Iterator[None]:
    """Write down what the page complains of."""

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} {message.location}")

    def fail(error: Error) -> None:
        complaints.append(str(error))

    page.on("console", complain)
    page.on("pageerror", fail)
    yield
    page.remove_listener("console", complain)
    page.remove_listener("pageerror", fail)


def _open_board(page: Page, workshop: LiveWorkshop) -> None:
    page.goto(workshop.url)
    page.locator("[data-count=running]").filter(has_text="0").wait_for()


@pytest.fixture(autouse=True)
def _quiet_workshop(workshop: LiveWorkshop) -> Iterator[None]:
    """Each test leaves nothing under way, and nothing broken."""
    yield
    workshop.clear_faults()
    for service in workshop.get("/api/services")["services"]:
        if not service["running"]:
            workshop.send("PATCH", f"/api/services/{service['name']}", {"running": True})
    workshop.wait_until_heard()
    workshop.wait_until_quiet()


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "class.csv"
    path.write_text("name,department\nGrace Hopper,Engineering\nAda Lovelace,Data\n", encoding="utf-8")
    return path
