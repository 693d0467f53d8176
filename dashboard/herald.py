"""Tells the services, on `control`, what they are asked to be: all of it at first, then each change."""

from dashboard import services
from dashboard.models import Service
from dashboard.outbox import utc_now
from saga import wire
from saga.bus import Bus, Outgoing
from saga.messages import Control
from saga.topics import CONTROL

IDLE_S = 1.0
SOURCE = "dashboard"


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
        kills = [_control(service, kill=victim) for service in asked.values() for victim in service.kill]
        self._producer.send([_outgoing(control) for control in new + kills])
        self._said |= {control.service: control for control in new}
        for service in asked.values():
            # Only what has been said is crossed out: somebody may have asked for more in the meantime.
            Service.objects.filter(name=service.name, kill=service.kill).exclude(kill=[]).update(kill=[])
        return bool(new or kills)

    def close(self) -> None:
        self._producer.close()


def _control(service: Service, *, kill: str | None = None) -> Control:
    lag_ms = (service.lag_low_ms, service.lag_high_ms)
    return Control(service=service.name, running=service.running, lag_ms=lag_ms, kill=kill)


def _outgoing(control: Control) -> Outgoing:
    return wire.encode(control, topic=CONTROL, source=SOURCE, at=utc_now())
