"""The services as rows: what each is asked to be, and the commands that change it."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import DatabaseError, transaction
from pydantic import TypeAdapter

from dashboard.errors import BadRequest, Conflict, NotAccepted, NotFound
from dashboard.models import Board, Service
from saga.definitions import DEFINITIONS
from saga.steering import LONGEST_LAG_MS, NO_FAULTS, Control, FaultRules
from saga.topics import SERVICES, TOPICS_BY_SERVICE

GONE = "gone"
_PLACES = {name: place for place, name in enumerate(SERVICES)}
_RULES = TypeAdapter(FaultRules)

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


def in_order(found: Iterable[Service]) -> list[Service]:
    """Return services in the order in which sagas meet them; a database gives them in any."""
    return sorted(found, key=lambda service: _PLACES.get(service.name, len(_PLACES)))


def row_of(service: Service) -> dict[str, Any]:
    """Return the service as the API and the sockets show it.

    `heard` says whether every living instance has heard what is asked of the service now.
    """
    row = {
        "name": service.name,
        "seq": service.seq,
        "topics": TOPICS_BY_SERVICE.get(service.name, ()),
        "running": service.running,
        "lag_ms": [service.lag_low_ms, service.lag_high_ms],
        "faults": service.faults,
        **{
            "state": "starting",
            "detail": "",
            "in_flight": 0,
            "backlog": 0,
            "rate": 0.0,
            "partitions": 0,
            "restarts": 0,
            "armed": {},
            "instances": [],
        },
        **service.view,
    }
    wish = asked_of(service).wish
    row["instances"] = [{**one, "heard": one.get("heard") == wish} for one in row["instances"]]
    alive = living(row)
    return row | {"heard": bool(alive) and all(one["heard"] for one in alive)}


def living(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the instances of a service's row that have not gone."""
    return [one for one in row["instances"] if one.get("state") != GONE]


def asked_of(service: Service) -> Control:
    """Return what the service is asked to be."""
    return Control(
        service=service.name,
        running=service.running,
        lag_ms=(service.lag_low_ms, service.lag_high_ms),
        faults=rules_of(service),
    )


def change(
    name: str,
    *,
    running: bool | None = None,
    lag_ms: tuple[int, int] | None = None,
    rules: FaultRules | None = None,
    once: Mapping[str, Any] | None = None,
) -> Service:
    """Ask a service to stop or start, to take its time, or to go wrong: by `rules`, or `once` (crash_at, fail_next).

    New rules take the place of all that were on before, orders that still wait for their moment included. Raises
    NotFound, BadRequest, Conflict if no instance lives that could be given an order, or NotAccepted.
    """
    if lag_ms is not None and not 0 <= lag_ms[0] <= lag_ms[1] <= LONGEST_LAG_MS:
        raise BadRequest(f"lag_ms must be [shortest, longest] between 0 and {LONGEST_LAG_MS}")

    def apply(service: Service) -> None:
        if running is not None:
            service.running = running
        if lag_ms is not None:
            service.lag_low_ms, service.lag_high_ms = lag_ms
        if rules is not None:
            _check_rules(name, rules, once or {})
            service.faults = _RULES.dump_python(rules, mode="json", exclude_defaults=True)
            service.orders += _orders(service, {"disarm": True})
        if once:
            service.orders += _orders(service, once)

    return _change(name, apply)


def kill(name: str) -> Service:
    """Ask every living instance of a service to die at once (SIGKILL to itself)."""

    def apply(service: Service) -> None:
        service.orders += _orders(service, {"kill": True})

    return _change(name, apply)


def clear_faults() -> list[Service]:
    """Switch all faults off, of every service. Raises NotAccepted."""
    names = list(Service.objects.values_list("name", flat=True))
    return [change(name, rules=NO_FAULTS) for name in names]


def rules_of(service: Service) -> FaultRules:
    return _RULES.validate_json(json.dumps(service.faults))


def steps_of(service: str) -> tuple[str, ...]:
    """Return the names of the steps that a service does, in all scenarios."""
    steps = [step for definition in DEFINITIONS.values() for step in definition.steps]
    return tuple(dict.fromkeys(step.name for step in steps if step.service == service))


def _check_rules(name: str, rules: FaultRules, once: Mapping[str, Any]) -> None:
    steps = steps_of(name)
    if rules.step is not None and rules.step not in steps:
        raise BadRequest(f"{name} has no step {rules.step!r}; it has {', '.join(steps) or 'none'}")
    if (rules.fail_rate or once.get("fail_next")) and not steps:
        raise BadRequest(f"{name} does no steps that could fail; its messages can go astray, and it can crash")


def _orders(service: Service, order: Mapping[str, Any]) -> list[dict[str, Any]]:
    instances = [instance["instance"] for instance in living(row_of(service))]
    if not instances and "disarm" not in order:
        raise Conflict(f"no instance of {service.name} is alive")
    return [{"instance": instance, **order} for instance in instances]


def _change(name: str, apply: Callable[[Service], None]) -> Service:
    try:
        with transaction.atomic():
            board = Board.locked()
            # The herald, who crosses out what it has said, does not ask for the board.
            service = Service.objects.select_for_update().filter(name=name).first()
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
