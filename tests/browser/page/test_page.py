"""What a class sees, in a real browser, on real services."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.board import SLOW, row, status
from tests.eventually import eventually
from tests.live import PATIENCE_S, LiveWorkshop

QUICK_MS = (0, 100)

SetLag = Callable[[int, int], None]


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(*QUICK_MS)


@pytest.fixture
def set_lag(workshop: LiveWorkshop) -> Iterator[SetLag]:
    """Return a function that lets steps take longer until the test has ended."""
    yield workshop.set_lag
    workshop.set_lag(*QUICK_MS)


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


def trace_mode(page: Page):
    return page.get_by_role("switch", name="Trace Mode")


def test_clicks_show_sagas_that_finish_out_of_order(page: Page, workshop: LiveWorkshop, set_lag: SetLag) -> None:
    set_lag(50, 1500)
    workshop.stop_service("provisioner")  # or the first have ended before the last click, where clicks take their time
    started = onboard(page, 12)
    workshop.change_service("provisioner", running=True)
    expect_completed(page, started)
    finished = sorted(started, key=lambda saga_id: workshop.saga(saga_id)["finished"])
    assert finished != started
    expect(page.locator("tr[data-saga-id] .passing").filter(has_text="overtaken").first).to_be_visible()


def test_a_row_names_the_user_and_what_each_service_gave(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = onboard(page)
    expect_completed(page, [saga_id])
    saga = workshop.saga(saga_id)
    expect(row(page, saga_id)).to_contain_text(saga["user"]["name"])
    expect(row(page, saga_id)).to_contain_text(saga["steps"][0]["result"]["device_id"])
    expect(row(page, saga_id)).to_contain_text(saga["steps"][2]["result"]["email"])


def test_without_trace_mode_a_saga_appears_only_when_it_has_ended(
    page: Page, workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 800)
    trace_mode(page).click()
    expect(trace_mode(page)).to_have_attribute("aria-checked", "false")
    before = set(shown(page))
    [saga_id] = workshop.onboard(1)
    seen: list[str | None] = []

    def appears() -> bool:
        seen.extend(row(page, saga_id).evaluate_all("rows => rows.map(row => row.dataset.status)"))
        return saga_id in shown(page)

    eventually(appears, within_s=PATIENCE_S)
    assert set(seen) <= {"completed"}
    assert set(shown(page)) - before == {saga_id}
    expect(page.get_by_role("columnheader", name="Step 1")).to_be_hidden()


def test_the_browser_is_not_sent_what_it_does_not_trace(
    open_page: Callable[[], Page], workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 800)
    page = open_page()
    trace_mode(page).click()
    expect(trace_mode(page)).to_have_attribute("aria-checked", "false")
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", listen)
    page.reload()
    [saga_id] = workshop.onboard(1)
    row(page, saga_id).wait_for(timeout=SLOW)
    page.remove_listener("websocket", listen)  # others have the same page afterwards
    assert any(saga_id in frame for frame in frames)
    assert not any('"steps"' in frame or '"running"' in frame.split('"counters"')[0] for frame in frames)


def test_history_opens_in_place_and_tells_every_event(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = onboard(page)
    expect_completed(page, [saga_id])
    row(page, saga_id).get_by_role("button").click()
    history = page.locator("tr.history")
    expect(history.get_by_role("listitem")).to_have_count(len(workshop.saga(saga_id)["events"]))
    expect(history).to_contain_text("new-user")
    row(page, saga_id).get_by_role("button").click()
    expect(history).to_be_hidden()
    row(page, saga_id).get_by_role("button").click()
    expect(history.get_by_role("listitem")).to_have_count(len(workshop.saga(saga_id)["events"]))


def test_a_second_browser_sees_the_same(open_page: Callable[[], Page]) -> None:
    first, second = open_page(), open_page()
    started = onboard(first, 3)
    expect_completed(first, started)
    expect_completed(second, started)
    assert shown(first) == shown(second)


def test_reload_shows_what_was_there(page: Page) -> None:
    started = onboard(page, 2)
    expect_completed(page, started)
    before = shown(page)
    page.reload()
    expect_completed(page, started)
    assert shown(page) == before


def test_a_worker_killed_half_way_loses_nothing_and_doubles_nothing(
    page: Page, workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 1500)
    started = onboard(page, 10)
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
    expect(page.locator("tr.history").get_by_role("listitem")).to_have_count(len(workshop.saga(ended)["events"]))
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


def test_a_class_list_starts_a_saga_for_each_line(page: Page, csv_file: Path) -> None:
    page.get_by_text("A list of users").click()
    page.get_by_label("or a CSV file").set_input_files(csv_file)
    page.get_by_role("button", name="Onboard the list").click()
    expect(page.get_by_role("table", name="Sagas")).to_contain_text("Grace Hopper")
    expect(page.get_by_role("table", name="Sagas")).to_contain_text("Ada Lovelace")


def test_no_number_is_explained_beside_its_field(page: Page) -> None:
    page.get_by_label("Onboard many").fill("")
    page.get_by_role("button", name="Onboard this many users").click()
    expect(page.get_by_role("alert").filter(has_text="Type a number from 1 to 10,000.")).to_be_visible()


def test_a_bad_number_is_explained_beside_its_field(page: Page, complaints: list[str]) -> None:
    before = shown(page)
    page.get_by_label("Onboard many").fill("10001")
    page.get_by_role("button", name="Onboard this many users").click()
    expect(page.get_by_role("alert").filter(has_text="10000")).to_be_visible()
    assert shown(page) == before
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]
