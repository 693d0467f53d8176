"""What a class sees of messages that nobody could read, and how they are corrected."""

import json
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from saga.bus import Outgoing, TopicPartition
from tests.browser.board import SLOW, row, status
from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop
from workshop.kafka_bus import KafkaBus

FORGOTTEN = {"type": "delta", "seq": 0, "now": "2026-01-01T00:00:00Z", "sagas": []}
FORGOTTEN["counters"] = dict.fromkeys(("running", "waiting", "stuck", "completed", "out_of_order", "dead_letters"), 0)


@pytest.fixture(scope="module", autouse=True)
def _quick(workshop: LiveWorkshop) -> None:
    workshop.set_lag(0, 100)


def bus_of(workshop: LiveWorkshop) -> KafkaBus:
    return KafkaBus((workshop.var_dir / "run" / "broker").read_text, embedded=True, client_id="test")


def write_nonsense(workshop: LiveWorkshop, *, key: str) -> None:
    with closing(bus_of(workshop)) as bus, closing(bus.producer()) as producer:
        producer.send([Outgoing(topic="authorize", key=key.encode(), value=b"{oops")])


def letters(workshop: LiveWorkshop) -> list[Any]:
    return workshop.get("/api/dead-letters")["dead_letters"]


def test_what_is_typed_into_a_dead_letter_stays_when_newer_ones_come(page: Page, workshop: LiveWorkshop) -> None:
    write_nonsense(workshop, key="somebody")
    page.locator("[data-component=dead-letters] > summary").click()
    letter = page.locator("[data-part=letters] > li").first
    letter.get_by_text("Fix and replay").click()
    message = letter.get_by_label("The message")
    expect(message).to_have_value("{oops")
    message.fill("{}")
    page.get_by_label("Search users").focus()
    page.route("**/api/dead-letters?*", lambda route: route.fulfill(json={"dead_letters": [], "next": "1"}))
    expect(page.get_by_text("Only the newest are listed.")).to_be_visible()
    expect(message).to_have_value("{}")
    message.fill("{oops")
    page.get_by_label("Search users").focus()
    expect(letter).to_be_hidden()
    page.unroute("**/api/dead-letters?*")


def test_a_dead_letter_is_fixed_and_replayed_and_its_saga_finishes(
    page: Page, workshop: LiveWorkshop, complaints: list[str]
) -> None:
    workshop.set_faults("authorizer", drop_rate=1.0)
    [saga_id] = workshop.onboard(1)
    eventually(lambda: workshop.steps_of(saga_id)["provision"] == "done", within_s=PATIENCE_S)
    told = next(event for event in workshop.saga(saga_id)["events"] if event["kind"] == "succeeded")
    sent, partition = told["payload"], TopicPartition("authorize", told["partition"])
    with closing(bus_of(workshop)) as bus:
        dropped = partial(bus.committed_offsets, "authorizer", ["authorize"])
        eventually(lambda: dropped()[partition] > told["offset"], within_s=PATIENCE_S)
        workshop.set_faults("authorizer")  # and it has heard of it: it would drop one more
        torn = json.dumps(sent | {"data": sent["data"] | {"results": {}}})
        with closing(bus.producer()) as producer:
            producer.send([Outgoing(topic="authorize", key=saga_id.encode(), value=torn.encode())])
    expect(status(page, saga_id, "stuck")).to_contain_text("dead-lettered")
    workshop.onboard(20)
    summary = page.locator("[data-component=dead-letters] > summary")
    expect(summary).to_be_in_viewport()
    summary.click()
    letter = page.locator("[data-part=letters] > li").filter(has_text="results of earlier steps are missing").first
    assert letter.get_by_role("link", name="its saga").get_attribute("href") == f"/sagas/{saga_id}"
    letter.get_by_text("Fix and replay").click()
    with page.expect_request("**/replay") as untouched:
        letter.get_by_role("button", name="Replay").click()
    assert untouched.value.post_data_json == {}, "the server has the message as it was"
    expect(letter.get_by_role("alert")).to_contain_text("this would be refused again")
    letter.get_by_label("The message").fill(json.dumps(sent, indent=2))
    letter.get_by_role("button", name="Replay").press("Enter")
    expect(letter.locator("[data-part=state]")).to_have_text("replayed", timeout=SLOW)
    expect(letter).to_be_focused()  # the button has gone, and whoever uses keys goes on from here
    summary.click()
    page.get_by_label("Search users").fill(told["payload"]["data"]["user"]["name"])
    status(page, saga_id, "completed")
    # Chromium itself writes down each request that is refused.
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]


def test_a_history_leads_to_the_dead_letters_of_its_saga(page: Page, workshop: LiveWorkshop) -> None:
    [saga_id] = workshop.onboard(1)
    status(page, saga_id, "completed")
    write_nonsense(workshop, key=saga_id)
    eventually(lambda: workshop.saga(saga_id)["events"][-1]["kind"] == "dead-lettered", within_s=PATIENCE_S)
    row(page, saga_id).get_by_role("button").click()
    told = page.locator("tr.history .event[data-role=trouble]")
    told.get_by_text("Message", exact=True).click()
    for _ in range(2):
        told.get_by_role("link", name="Fix and replay").click()
        expect(page.locator("[data-part=letters] > li").first).to_be_in_viewport()
        page.locator("[data-component=dead-letters] > summary").click()


def test_dead_letters_that_are_forgotten_leave_the_focus_with_the_table(page: Page, workshop: LiveWorkshop) -> None:
    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws/sagas/", lambda socket: (socket.connect_to_server(), sockets.append(socket)))
    before = len(letters(workshop))
    write_nonsense(workshop, key="somebody")
    eventually(lambda: len(letters(workshop)) > before, within_s=PATIENCE_S)
    page.reload()
    summary = page.locator("[data-component=dead-letters] > summary")
    expect(summary).to_be_visible()  # before that nothing of it can have the focus
    summary.focus()
    sockets[0].send(json.dumps(FORGOTTEN))
    expect(summary).to_be_hidden()
    expect(page.get_by_role("region", name="Sagas", exact=True)).to_be_focused()
