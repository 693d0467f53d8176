"""The dashboard logs its own part in a saga, as the services log theirs."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from dashboard.backstage import relay
from dashboard.backstage.deadlines import Deadlines
from dashboard.backstage.relay import Relay
from dashboard.models import Saga
from dashboard.readmodel import outbox
from saga.bus import Outgoing
from saga.event_lines import LOGGER
from saga.topics import HEARTBEAT, TRACE
from saga.tracing import trace_id_of
from tests.environment import without_settings
from tests.support.dashboard.bench import Bench
from tests.support.dashboard.factories import accept, at, memory_bus
from workshop.config import ROOT
from workshop.logs import JsonFormatter

pytestmark = pytest.mark.django_db


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == LOGGER]


def test_a_start_and_a_deadline_that_passed_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "IDLE_S", 0)
    [saga_id] = accept()
    bus = memory_bus()
    outbox.news.set()
    with caplog.at_level(logging.INFO, LOGGER):
        Relay(bus, in_flight_limit=1).run_once()
        Saga.objects.update(progress_at=at(0))
        Deadlines(bus, deadline_s=60).run_once()
    started, stuck = lines(caplog)
    about = {"saga_id": saga_id, "trace_id": trace_id_of(saga_id), "service": "dashboard"}
    assert started.items() >= (about | {"event": "started", "attempt": 1, "topic": "new-user"}).items()
    assert stuck.items() >= (about | {"event": "stuck", "error": "no progress for 60 s"}).items()


@pytest.mark.parametrize("topic", [TRACE, HEARTBEAT])
def test_what_the_dashboard_cannot_read_is_logged_as_well(caplog: pytest.LogCaptureFixture, topic: str) -> None:
    bench = Bench(memory_bus())
    place = bench.bus.append(Outgoing(topic=topic, key=b"saga-1", value=b"garbage"))
    with caplog.at_level(logging.INFO, LOGGER):
        bench.drain()
    bench.close()
    [said] = lines(caplog)
    assert said.items() >= {"event": "dead-lettered", "service": "projector", "saga_id": "saga-1"}.items()
    assert (said["topic"], said["partition"], said["offset"]) == place


def test_the_last_words_of_a_process_are_one_line_as_well() -> None:
    program = "import django; django.setup(); raise ValueError('one\\ntwo')"
    settings = {"LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "workshop.settings"}
    died = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=without_settings() | settings, capture_output=True, text=True
    )
    [line] = [json.loads(line) for line in died.stderr.splitlines()]
    assert (line["level"], line["message"]) == ("CRITICAL", "the process ends: one\ntwo")
    assert line["exception"].endswith("ValueError: one\ntwo")
