"""How long a person waits after a click, measured inside a real Chromium: from the click to what is in the document."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests import chromium
from tests.bench.options import Options, say
from tests.bench.report import Figure, percentile
from tests.bench.stack import running_anew, wait_for

CLICKS = 50
WARM_UP = 5
READY_S = 20.0
PAUSE_MS = (150.0, 450.0)
"""Between a saga's end and the next click: a person keeps no step with the server's rhythm, nor must we."""
STOPWATCH = Path(__file__).with_name("stopwatch.js").read_text()

Waits = list[tuple[float, float]]
"""Milliseconds from a click to the saga's row, and to its end, by click."""


def measure(options: Options) -> list[Figure]:
    if chromium.find() is None:
        say("no Chromium here: latency is left out")
        return []
    rounds: list[Waits] = []
    with running_anew(options, LAG_MS="0,0") as stack, _page(stack.url) as page:
        _click(page, WARM_UP)
        for number in options.rounds():
            rounds.append(_click(page, CLICKS))
            first, ended = (percentile(waits, 95) for waits in zip(*rounds[-1], strict=True))
            say(f"latency {number + 1}: p95 to the row {first:.0f} ms, to the end {ended:.0f} ms")
    return [
        _figure("click to row", rounds, which=0, percent=50),
        _figure("click to row", rounds, which=0, percent=95, target=80.0 if options.on_stack else 150.0),
        _figure("click to finished", rounds, which=1, percent=50),
        _figure("click to finished", rounds, which=1, percent=95),
    ]


@contextmanager
def _page(url: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(STOPWATCH)
            page.goto(url)
            # Not wait_for_function(): it would compile text inside the page, which the page's policy forbids.
            wait_for(lambda: page.evaluate("stopwatch.isReady()"), within_s=READY_S, what="the page")
            yield page
        finally:
            browser.close()


def _click(page: Page, times: int) -> Waits:
    button = page.get_by_role("button", name="Onboard New User")
    waits: Waits = []
    for _ in range(times):
        page.evaluate("stopwatch.arm()")
        button.click()
        row, ended = page.evaluate("stopwatch.result")
        waits.append((row, ended))
        page.wait_for_timeout(random.uniform(*PAUSE_MS))
    return waits


def _figure(name: str, rounds: list[Waits], *, which: int, percent: int, target: float | None = None) -> Figure:
    samples = [percentile([waits[which] for waits in clicks], percent) for clicks in rounds]
    return Figure(name=f"{name}, p{percent}", unit="ms", samples=samples, target=target)
