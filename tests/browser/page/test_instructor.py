"""What a guest and the instructor see of one page: the same controls, with a padlock and without."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.board import card, click_for_saga, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    live = LiveWorkshop(tmp_path_factory.mktemp("guarded"), INSTRUCTOR_PASSWORD=PASSWORD, LAG_MS="50,200").start()
    yield live
    live.stop()


def who(page: Page) -> Locator:
    return page.get_by_role("region", name="Who you are")


def expect_to_be(page: Page, somebody: str) -> None:
    # Who you are not is in the page as well, where nobody sees it.
    expect(who(page).get_by_text(f"You are {somebody}")).to_be_visible()


def log_in(page: Page, password: str = PASSWORD) -> None:
    """Type in the password, once the form is there."""
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def expect_logged_in(page: Page) -> None:
    """The board has been loaded anew by then, and is live again."""
    expect_to_be(page, "the instructor")
    page.locator("[data-count=running]").filter(has_text="0").wait_for()


def press(locked: Locator) -> None:
    """Click on what says that it is disabled: that, Playwright would wait for."""
    locked.dispatch_event("click")


def test_a_guest_starts_sagas_and_sees_what_is_locked(page: Page) -> None:
    expect_to_be(page, "a guest")
    status(page, click_for_saga(page, "Onboard New User", within="onboard"), "completed")
    stop = card(page, "notifier").get_by_role("button", name="Stop notifier")
    expect(stop).to_be_visible()
    expect(stop).to_have_attribute("aria-disabled", "true")
    expect(stop).to_have_attribute("title", "The instructor's: log in first")
    expect(page.get_by_role("button", name="Happy path")).to_be_enabled()


def test_the_padlock_is_seen_in_colours_that_the_browser_forces(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    stop = card(page, "notifier").get_by_role("button", name="Stop notifier")
    padlock, ground = (
        stop.evaluate(f"button => getComputedStyle(button{part}).backgroundColor") for part in (", '::before'", "")
    )
    page.emulate_media(forced_colors="none")  # others have the same page afterwards
    assert padlock != ground


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The methods of the page's requests that ask for a change, in their order."""
    found: list[str] = []
    page.on("request", lambda request: None if request.method == "GET" else found.append(request.method))
    return found


def expect_nothing_asked(page: Page, asked: list[str]) -> None:
    """Ask for something that is not locked: if anything was asked for before, it was told before."""
    click_for_saga(page, "Happy path", within="stories")
    assert asked == ["POST"]


def test_what_is_locked_leads_to_the_login_and_does_nothing(
    page: Page, workshop: LiveWorkshop, asked: list[str]
) -> None:
    press(card(page, "notifier").get_by_role("button", name="Stop notifier"))
    expect(page.get_by_label("Password")).to_be_focused()
    press(page.get_by_role("button", name="Recover backward"))
    expect_nothing_asked(page, asked)
    assert workshop.service("notifier")["running"]


def test_a_guest_reads_what_is_stopped_and_cannot_start_it(
    page: Page, workshop: LiveWorkshop, asked: list[str]
) -> None:
    workshop.stop_service("notifier")
    banner = page.get_by_role("region", name="Services that are stopped")
    expect(banner).to_contain_text("Stopped: notifier.")
    press(banner.get_by_role("button", name="Start again"))
    expect(page.get_by_label("Password")).to_be_focused()
    expect_nothing_asked(page, asked)
    assert not workshop.service("notifier")["running"]


def test_a_wrong_password_is_told_and_the_right_one_unlocks(
    page: Page, workshop: LiveWorkshop, complaints: list[str]
) -> None:
    press(card(page, "authorizer").get_by_role("button", name="Stop authorizer"))
    log_in(page, "open barley")
    expect(who(page).get_by_role("alert")).to_have_text("that is not the instructor's password")
    log_in(page)
    expect_logged_in(page)
    card(page, "authorizer").get_by_role("button", name="Stop authorizer").click()
    expect(card(page, "authorizer").get_by_role("button", name="Start authorizer")).to_be_enabled()
    eventually(lambda: not workshop.service("authorizer")["running"], within_s=PATIENCE_S)
    who(page).get_by_role("button", name="Log out").click()
    expect_to_be(page, "a guest")
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]


def test_a_login_that_has_ended_locks_the_page_that_is_open(page: Page, complaints: list[str]) -> None:
    press(page.get_by_role("button", name="Recover backward"))
    log_in(page)
    expect_logged_in(page)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Recover backward").click()
    expect(page.locator("[data-component=stories]").get_by_role("alert")).to_contain_text("log in first")
    expect_to_be(page, "a guest")
    expect(page.get_by_role("button", name="Recover backward")).to_be_disabled()
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]


def test_a_running_saga_is_rolled_back_on_its_own_page_by_the_instructor(
    open_page: Callable[[str], Page], workshop: LiveWorkshop
) -> None:
    workshop.stop_service("notifier")
    [saga_id] = workshop.onboard(1)
    page = open_page(f"/sagas/{saga_id}")
    press(page.get_by_role("button", name="Roll back"))
    log_in(page)
    expect_to_be(page, "the instructor")
    page.wait_for_load_state("load")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("The roll-back is on its way.")).to_be_visible()
    workshop.change_service("notifier", running=True)
    workshop.wait_for_status(saga_id, "compensated")


def test_without_scripts_the_forms_do_the_same(browser: Browser, workshop: LiveWorkshop) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(workshop.url)
        page.get_by_role("button", name="Recover backward").click()
        expect(who(page).get_by_role("alert")).to_have_text("this is the instructor's: log in first")
        log_in(page, "open barley")
        expect(who(page).get_by_role("alert")).to_have_text("that is not the instructor's password")
        log_in(page)
        expect_to_be(page, "the instructor")
        expect(page).to_have_url(f"{workshop.url}/")
        page.get_by_role("button", name="Log out").click()
        expect_to_be(page, "a guest")
