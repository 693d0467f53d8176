"""The services as rows: what each is asked to be, and the commands that change it."""

import threading
from typing import Any

from django.db import DatabaseError, transaction

from dashboard.errors import BadRequest, NotAccepted, NotFound
from dashboard.models import Board, Service
from saga.topics import TOPICS_BY_SERVICE

LONGEST_LAG_MS = 600_000

# Set when a service is asked for something new; the herald of this process waits for it.
news = threading.Event()


def ensure_rows(lag_ms: tuple[int, int]) -> None:
    """Make a row for each service that has none."""
    with transaction.atomic():
        board = Board.locked()
        known = set(Service.objects.values_list("name", flat=True))
        for name in TOPICS_BY_SERVICE:
            if name not in known:
                Service.objects.create(name=name, lag_low_ms=lag_ms[0], lag_high_ms=lag_ms[1], seq=board.next_seq())
        board.save()


def row_of(service: Service) -> dict[str, Any]:
    """Return the service as the API and the sockets show it."""
    return {
        "name": service.name,
        "topics": TOPICS_BY_SERVICE.get(service.name, ()),
        "running": service.running,
        "lag_ms": [service.lag_low_ms, service.lag_high_ms],
        **{
            "state": "starting",
            "detail": "",
            "in_flight": 0,
            "backlog": 0,
            "rate": 0.0,
            "partitions": 0,
            "restarts": 0,
        },
        **{"instances": []},
        **service.view,
    }


def change(name: str, *, running: bool | None = None, lag_ms: tuple[int, int] | None = None) -> Service:
    """Ask a service to stop or start, or to take its time. Raises NotFound, BadRequest or NotAccepted."""
    if lag_ms is not None and not 0 <= lag_ms[0] <= lag_ms[1] <= LONGEST_LAG_MS:
        raise BadRequest(f"lag_ms must be [shortest, longest] between 0 and {LONGEST_LAG_MS}")

    def apply(service: Service) -> None:
        if running is not None:
            service.running = running
        if lag_ms is not None:
            service.lag_low_ms, service.lag_high_ms = lag_ms

    return _change(name, apply)


def kill(name: str) -> Service:
    """Ask every living instance of a service to die at once (SIGKILL to itself)."""

    def apply(service: Service) -> None:
        service.kill = [instance["instance"] for instance in row_of(service)["instances"]]

    return _change(name, apply)


def _change(name: str, apply: Any) -> Service:
    try:
        with transaction.atomic():
            board = Board.locked()
            service = Service.objects.filter(name=name).first()
            if service is None:
                raise NotFound(f"there is no service {name!r}")
            apply(service)
            service.seq = board.next_seq()
            service.save()
            board.save()
    except DatabaseError as error:
        raise NotAccepted(f"the change could not be written down: {error}") from error
    news.set()
    return service
