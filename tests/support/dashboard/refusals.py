"""What must hold of every refusal: a reason that a person can read, and nothing begun."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client

from dashboard.models import Board, Saga, Service
from dashboard.readmodel import services
from tests.support.dashboard.factories import counters

JSON = "application/json"
MEGABYTE = 1024 * 1024


@contextmanager
def nothing_begun(client: Client) -> Iterator[None]:
    """Afterwards everything is as it was, and a good request is taken as ever."""
    services.ensure_rows((400, 3000))
    before = _everything()
    yield
    assert _everything() == before
    assert client.post("/api/sagas", {"count": 1}, content_type=JSON).status_code == 202


def reason_of(answer: Any, status: int) -> str:
    """Return the reason, which a person can read: one short line of text."""
    assert answer.status_code == status, answer.content[:500]
    assert set(answer.json()) == {"detail"}
    reason: str = answer.json()["detail"]
    assert reason.isprintable()
    assert 10 < len(reason) < 300
    assert "Traceback" not in reason
    return reason


def browser() -> Client:
    """Return a browser that has the page open, and is held to its token."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT=JSON)
    client.get("/")
    return client


def token(browser: Client) -> dict[str, str]:
    return {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}


def _everything() -> Any:
    return counters(), Board.current().seq, Saga.objects.count(), list(Service.objects.order_by("name").values())
