"""Tells the services, on `control`, what they are asked to be: all of it at first, then each change.

What some living instance has not heard after a while is said again: another herald, which was paused when it led, may
have said something older since.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from django.db import transaction
from pydantic import TypeAdapter

from dashboard.backstage.telling import SOURCE
from dashboard.models import Service
from dashboard.readmodel import services
from dashboard.readmodel.clock import utc_now
from saga import wire
from saga.bus import Bus, Outgoing
from saga.steering import Control, Order
from saga.topics import CONTROL

IDLE_S = 1.0
SAY_AGAIN_AFTER_S = 5.0
_ORDER = TypeAdapter(Order)


class Herald:
    """Says it all anew whenever it is opened, for a broker that has forgotten. One thread calls everything."""

    def __init__(self, bus: Bus, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._producer = bus.producer()
        self._clock = clock
        self._said: dict[str, tuple[Control, float]] = {}

    def run_once(self) -> bool:
        """Say what is new, or wait for something new. Raises BrokerUnavailable; it is then said again."""
        if self._said:
            services.news.wait(IDLE_S)
        services.news.clear()
        asked = list(Service.objects.all())
        new = self._new(asked)
        orders = [replace(services.asked_of(service), order=order) for service in asked for order in _orders(service)]
        self._producer.send([_outgoing(control) for control in new + orders])
        self._said |= {control.service: (control, self._clock()) for control in new}
        for service in asked:
            if service.orders:
                _cross_out(service)
        return bool(new or orders)

    def close(self) -> None:
        self._producer.close()

    def _new(self, asked: Iterable[Service]) -> list[Control]:
        """Return what has not been said yet, or has not been heard for so long that it may never have arrived."""
        new = []
        for service in asked:
            control = services.asked_of(service)
            said, said_at = self._said.get(service.name, (None, 0.0))
            if control != said or (self._clock() - said_at > SAY_AGAIN_AFTER_S and _is_unheard(service)):
                new.append(control)
        return new


@transaction.atomic
def _cross_out(said: Service) -> None:
    """Take away the orders that have been said; what was asked for meanwhile stands behind them, and stays."""
    now = Service.objects.select_for_update().get(name=said.name)
    if now.orders[: len(said.orders)] == said.orders:  # or another herald has done it
        now.orders = now.orders[len(said.orders) :]
        now.save(update_fields=["orders"])


def _orders(service: Service) -> list[Order]:
    return [_ORDER.validate_json(json.dumps(order)) for order in service.orders]


def _is_unheard(service: Service) -> bool:
    return any(not instance["heard"] for instance in services.living(services.row_of(service)))


def _outgoing(control: Control) -> Outgoing:
    return wire.encode(control, topic=CONTROL, source=SOURCE, at=utc_now())
