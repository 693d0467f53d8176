import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from consumers import worker
from dashboard.backstage import calm, relay, retention
from dashboard.readmodel import outbox, services
from dashboard.web import instructor
from dashboard.web.buckets import Buckets
from tests.support.brokers.kinds import Broker, embedded_broker, kafka_broker, memory_broker
from tests.support.brokers.memory_bus import MemoryBus
from tests.support.dashboard.factories import memory_bus
from tests.support.dashboard.instructor import PASSWORD
from tests.support.dashboard.socket import Server
from tests.support.services.house import House
from tests.support.system.supervised import Program, Run, copied, python


@pytest.fixture(params=["memory", "embedded", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each kind of broker in turn: what holds for one must hold for all."""
    if request.param == "kafka":
        opened = kafka_broker(request.getfixturevalue("kafka_address"))
    else:
        opened = {"memory": memory_broker, "embedded": embedded_broker}[request.param]()
    with opened as broker:
        yield broker
    gc.collect()  # the client library leaves a socket behind now and then, and should be found out here


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic(3)


@pytest.fixture
def bus() -> MemoryBus:
    return memory_bus()


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """A house in which nobody waits, and sagas are deleted two by two."""
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)
    monkeypatch.setattr(calm, "ROUNDS", 2)
    monkeypatch.setattr(worker, "POLL_TIMEOUT_S", 0.0)
    monkeypatch.setattr(worker, "GATHER_S", 0.0)
    return House()


@pytest.fixture
def eager_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay finds out at once that nothing is to be done."""
    monkeypatch.setattr(relay, "IDLE_S", 0)
    monkeypatch.setattr(relay, "GATHER_S", 0)
    outbox.news.clear()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A supervisor that has ended when the test has."""
    run = Run(tmp_path)
    yield run
    run.end()


@pytest.fixture(params=["of its own", "copy"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    """Each way of starting a process in turn: what holds for one must hold for the other."""
    return copied(tmp_path) if request.param == "copy" else python


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


@pytest.fixture
def guarded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an instructor, nobody has guessed yet, and time stands still."""
    settings.INSTRUCTOR_PASSWORD = PASSWORD
    monkeypatch.setattr(instructor, "_failures", Buckets())
    monkeypatch.setattr(instructor, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def browser() -> Client:
    """A browser that has the page open, and is held to its token."""
    browser = Client(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")
    browser.get("/")
    return browser


@pytest.fixture
def service() -> None:
    services.ensure_rows((400, 3000))
