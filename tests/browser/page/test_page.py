"""What a class sees of its sagas, in a real browser, on real services."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, WebSocket, expect

from tests.browser.board import SLOW, SetLag, counted, expect_completed, expect_every_event, onboard, part, row, shown
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

pytestmark = pytest.mark.usefixtures("quick")

BEFORE_IT_IS_GIVEN_UP_MS = 10_000  # static/js/lib/http.js: after 15 seconds


def trace_mode(page: Page):
    return page.get_by_role("switch", name="Trace Mode")


def test_clicks_show_sagas_that_finish_out_of_order(page: Page, workshop: LiveWorkshop, set_lag: SetLag) -> None:
    set_lag(50, 1500)
    completed, out_of_order = counted(page, "completed"), counted(page, "out_of_order")
    workshop.stop_service("provisioner")  # or the first have ended before the last click, where clicks take their time
    started = onboard(page, 12)
    workshop.change_service("provisioner", running=True)
    expect_completed(page, started)
    sagas = [workshop.saga(saga_id) for saga_id in started]
    finished = [saga["finished"] for saga in sagas]
    assert finished != sorted(finished)
    for saga in sagas:
        expect(part(page, saga["saga_id"], "number")).to_have_text(str(saga["number"]))
        expect(part(page, saga["saga_id"], "finished")).to_have_text(f"finished {saga['finished']:,}")
    expect(page.locator("tr[data-saga-id] .passing").filter(has_text="overtaken").first).to_be_visible()
    eventually(lambda: counted(page, "completed") == completed + len(sagas))
    eventually(lambda: counted(page, "out_of_order") == out_of_order + passing(finished))


def passing(finished: list[int]) -> int:
    """Count who overtook or was overtaken, by the place of each at the end, in the order in which they were started."""
    places = list(enumerate(finished))
    return sum(any((start < other) != (end < its_end) for other, its_end in places) for start, end in places)


def test_a_row_names_the_user_what_each_service_gave_and_how_long_it_took(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = onboard(page)
    expect_completed(page, [saga_id])
    # That it has ended may be told before the last words of its steps.
    workshop.wait_for_steps(saga_id, {"provision": "done", "authorize": "done", "notify": "done"})
    saga = workshop.saga(saga_id)
    for field in ("name", "department"):
        expect(part(page, saga_id, field)).to_have_text(saga["user"][field])
    device, access, email = (step["result"] for step in saga["steps"])
    given = [device["device_id"], ", ".join(access["authorizations"]), email["email"]]
    expect(part(page, saga_id, "said")).to_have_text(given)
    began, ended = (datetime.fromisoformat(saga[moment]) for moment in ("started_at", "ended_at"))
    elapsed_s = float(part(page, saga_id, "elapsed").inner_text().removesuffix(" s"))
    assert elapsed_s == pytest.approx((ended - began).total_seconds(), abs=0.11)  # of which it shows the tenths


def test_without_trace_mode_a_saga_appears_only_when_it_has_ended(
    page: Page, workshop: LiveWorkshop, set_lag: SetLag
) -> None:
    set_lag(300, 800)
    trace_mode(page).click()
    expect(trace_mode(page)).to_have_attribute("aria-checked", "false")
    before = set(shown(page))
    [saga_id] = workshop.onboard(1)
    statuses = "rows => rows.map(row => row.dataset.status)"
    first_seen = eventually(lambda: row(page, saga_id).evaluate_all(statuses), within_s=PATIENCE_S)
    assert first_seen == ["completed"]
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
    expect_every_event(history.get_by_role("listitem"), workshop, saga_id)
    expect(history).to_contain_text("new-user")
    row(page, saga_id).get_by_role("button").click()
    expect(history).to_be_hidden()
    page.get_by_role("heading", level=1).select_text()
    row(page, saga_id).get_by_role("button").press("Enter")
    expect_every_event(history.get_by_role("listitem"), workshop, saga_id)


def test_history_that_cannot_be_fetched_says_so_and_is_fetched_again(
    page: Page, workshop: LiveWorkshop, complaints: list[str]
) -> None:
    [saga_id] = onboard(page)
    expect_completed(page, [saga_id])
    history = page.locator("tr.history")
    page.route(f"**/sagas/{saga_id}", lambda route: route.fulfill(status=503))
    row(page, saga_id).get_by_role("button").click()
    expect(history.get_by_role("alert")).to_contain_text("The server cannot accept this now.")
    page.unroute(f"**/sagas/{saga_id}")
    expect_every_event(history.get_by_role("listitem"), workshop, saga_id)
    expect(history.get_by_role("alert")).to_be_hidden()
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]


def test_a_history_that_does_not_come_holds_up_no_other(page: Page, workshop: LiveWorkshop) -> None:
    silent, telling = workshop.onboard(2)
    expect_completed(page, [silent, telling])
    page.route(f"**/sagas/{silent}", lambda route: None)
    for saga_id in (silent, telling):
        row(page, saga_id).get_by_role("button").click()
    expect(page.locator("tr.history").get_by_role("listitem").first).to_be_visible(timeout=BEFORE_IT_IS_GIVEN_UP_MS)
    page.unroute(f"**/sagas/{silent}")


def test_a_second_browser_sees_the_same(open_page: Callable[[], Page]) -> None:
    first, second = open_page(), open_page()
    started = onboard(first, 3)
    expect_completed(first, started)
    expect_completed(second, started)
    assert shown(first) == shown(second)


def test_reload_shows_what_was_there(page: Page) -> None:
    started = onboard(page, 2)
    expect_completed(page, started)
    before, took = shown(page), [part(page, saga_id, "elapsed").inner_text() for saga_id in started]
    page.reload()
    expect_completed(page, started)
    assert shown(page) == before
    assert [part(page, saga_id, "elapsed").inner_text() for saga_id in started] == took


def test_a_class_list_starts_a_saga_for_each_line(page: Page, csv_file: Path) -> None:
    page.get_by_text("A list of users").click()
    page.get_by_label("or a CSV file").set_input_files(csv_file)
    page.get_by_role("button", name="Onboard the list").click()
    expect(page.get_by_role("table", name="Sagas")).to_contain_text("Grace Hopper")
    expect(page.get_by_role("table", name="Sagas")).to_contain_text("Ada Lovelace")


def test_the_next_list_may_be_typed_while_one_is_on_its_way(page: Page, csv_file: Path) -> None:
    on_the_way: list[Route] = []
    page.route("**/roster/", lambda route: on_the_way.append(route))
    page.get_by_text("A list of users").click()
    page.get_by_label("or a CSV file").set_input_files(csv_file)
    with page.expect_request("**/roster/"):
        page.get_by_role("button", name="Onboard the list").click()
    page.get_by_label("One user a line").fill("Alan Turing,Data")
    on_the_way.pop().continue_()
    expect(page.get_by_text("2 users accepted.")).to_be_visible()
    expect(page.get_by_label("One user a line")).to_have_value("Alan Turing,Data")
    expect(page.get_by_label("or a CSV file")).to_have_value("")


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
