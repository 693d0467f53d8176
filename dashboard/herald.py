"""Tells the services, on `control`, what they are asked to be: all of it at first, then each change."""

import json

from pydantic import TypeAdapter

from dashboard import services
from dashboard.models import Service
from dashboard.outbox import utc_now
from saga import wire
from saga.bus import Bus, Outgoing
from saga.steering import Control, Order
from saga.topics import CONTROL

IDLE_S = 1.0
SOURCE = "dashboard"
_ORDER = TypeAdapter(Order)


class Herald:
    """Says it all anew whenever it is opened, for a broker that has forgotten. One thread calls everything."""

    def __init__(self, bus: Bus) -> None:
        self._producer = bus.producer()
        self._said: dict[str, Control] = {}

    def run_once(self) -> bool:
        """Say what is new, or wait for something new. Raises BrokerUnavailable; it is then said again."""
        if self._said:
            services.news.wait(IDLE_S)
        services.news.clear()
        asked = {service.name: service for service in Service.objects.all()}
        new = [
            control for service in asked.values() if (control := _control(service)) != self._said.get(control.service)
        ]
        orders = [_control(service, order=order) for service in asked.values() for order in _orders(service)]
        self._producer.send([_outgoing(control) for control in new + orders])
        self._said |= {control.service: control for control in new}
        for service in asked.values():
            # Only what has been said is crossed out: somebody may have asked for more in the meantime.
            Service.objects.filter(name=service.name, orders=service.orders).exclude(orders=[]).update(orders=[])
        return bool(new or orders)

    def close(self) -> None:
        self._producer.close()


def _orders(service: Service) -> list[Order]:
    return [_ORDER.validate_json(json.dumps(order)) for order in service.orders]


def _control(service: Service, *, order: Order | None = None) -> Control:
    return Control(
        service=service.name,
        running=service.running,
        lag_ms=(service.lag_low_ms, service.lag_high_ms),
        faults=services.rules_of(service),
        order=order,
    )


def _outgoing(control: Control) -> Outgoing:
    return wire.encode(control, topic=CONTROL, source=SOURCE, at=utc_now())
