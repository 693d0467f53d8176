"""What a class sees of services that die or are stopped, in a real browser: it is told, and no saga is lost."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board import SLOW, SetLag, expect_completed, expect_every_event, onboard, row, shown
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

pytestmark = pytest.mark.usefixtures("quick")


def test_a_worker_killed_half_way_loses_nothing_and_doubles_nothing(
    page: Page, workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 1500)
    workshop.change_service("authorizer", lag_ms=[5000, 5000])  # it tells once a second what it has in work
    workshop.wait_until_heard()
    started = onboard(page, 10)
    authorizing = page.locator("[data-saga-id] .step").filter(has_text="authorize")
    expect(authorizing.filter(has_text="received").first).to_be_visible()
    busy = eventually(
        lambda: workshop.service("authorizer")["in_flight"] and workshop.service("authorizer"), within_s=PATIENCE_S
    )
    os.kill(busy["instances"][0]["pid"], signal.SIGKILL)
    card = page.locator("[data-service=authorizer]")
    expect(card).to_contain_text("killed by SIGKILL", timeout=SLOW)
    expect(card.locator("[data-part=state]")).to_have_text("running", timeout=SLOW)
    expect_completed(page, started)
    assert workshop.get("/api/invariants")["ok"]
    assert workshop.mails(started) == len(started)


def test_every_part_is_named_with_its_state_and_every_instance_with_its_last_heartbeat(page: Page) -> None:
    page.locator("[data-component=parts] > summary").click()
    for name in ("database", "broker", "relay", "hearts"):
        expect(page.locator("[data-component=parts] li").filter(has_text=name)).to_contain_text("works")
    card = page.locator("[data-service=coordinator]")
    card.locator("summary").click()
    beating = re.compile(r"pid \d+ on .+: .*sagas 0–5.*; 0 in work, 0\.0 a second; last heartbeat \d\d:\d\d:\d\d")
    expect(card.locator("[data-part=instances] li").filter(has_text=beating)).to_have_count(1, timeout=SLOW)


def test_a_stopped_service_gathers_a_backlog_and_drains_it(page: Page, workshop: LiveWorkshop) -> None:
    card = page.locator("[data-service=notifier]")
    card.get_by_role("button", name="Stop").click()
    expect(card.locator("[data-part=state]")).to_have_text("stopped", timeout=SLOW)
    started = onboard(page, 4)
    expect(card.locator("[data-part=backlog]")).to_have_text("4", timeout=SLOW)
    card.get_by_role("button", name="Start").click()
    expect_completed(page, started)
    expect(card.locator("[data-part=backlog]")).to_have_text("0", timeout=SLOW)


def test_stopped_services_are_told_above_the_table_and_started_from_there(page: Page, workshop: LiveWorkshop) -> None:
    banner = page.get_by_role("region", name="Services that are stopped")
    expect(banner).to_be_hidden()
    for name in ("notifier", "car"):
        workshop.stop_service(name)
    expect(banner).to_contain_text("Stopped: notifier, car. Nothing waits yet.")
    started = onboard(page, 2)
    expect(banner).to_contain_text("2 messages wait, and nothing is lost.")
    banner.get_by_role("button", name="Start again").click()
    expect(banner).to_be_hidden()
    expect_completed(page, started)
    assert all(workshop.service(name)["running"] for name in ("notifier", "car"))


def test_a_banner_that_goes_leaves_the_focus_with_the_table(page: Page, workshop: LiveWorkshop) -> None:
    workshop.stop_service("car")
    banner = page.get_by_role("region", name="Services that are stopped")
    banner.get_by_role("button", name="Start again").press("Enter")
    expect(banner).to_be_hidden()
    expect(page.get_by_role("region", name="Sagas", exact=True)).to_be_focused()


def test_a_lost_web_server_is_told_and_caught_up_with(
    page: Page, workshop: LiveWorkshop, complaints: list[str], set_lag: SetLag
) -> None:
    [ended] = onboard(page)
    expect_completed(page, [ended])
    set_lag(300, 1500)
    started = onboard(page, 3)
    os.kill(workshop.processes()["web"]["pid"], signal.SIGKILL)
    expect(page.get_by_text("Reconnecting")).to_be_visible(timeout=SLOW)
    row(page, ended).get_by_role("button").click()
    eventually(lambda: workshop.is_up(), within_s=PATIENCE_S)
    started += workshop.onboard(2)
    expect_completed(page, started)
    assert len(shown(page)) == len(set(shown(page)))
    expect(page.get_by_text("Reconnecting")).to_be_hidden(timeout=SLOW)
    expect_every_event(page.locator("tr.history").get_by_role("listitem"), workshop, ended)
    # Chromium itself writes down each attempt to connect that fails, be it for a message or for a font.
    complaints[:] = [text for text in complaints if "ERR_CONNECTION_REFUSED" not in text]


def test_a_dead_broker_is_told_and_every_saga_still_finishes(
    page: Page, workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 1500)
    started = onboard(page, 5)
    os.kill(workshop.processes()["broker"]["pid"], signal.SIGKILL)
    expect(page.get_by_role("status", name="Health")).to_contain_text("broker", timeout=SLOW)
    started += onboard(page, 2)
    expect_completed(page, started)
    assert workshop.get("/api/invariants")["ok"]
