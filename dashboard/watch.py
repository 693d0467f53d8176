"""What is known of each service's instances from their heartbeats, and what that makes of the service."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from saga.steering import Heartbeat

BEAT_INTERVAL_S = 1.0
SILENT_AFTER_S = 3 * BEAT_INTERVAL_S
FORGET_AFTER_S = 30.0


@dataclass(slots=True)
class _Instance:
    beat: Heartbeat
    heard_at: float
    rate: float = 0.0


class Watch:
    """Heartbeats by instance, heard on one thread and asked on another. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._instances: dict[tuple[str, str], _Instance] = {}

    def hear(self, beat: Heartbeat) -> None:
        now = self._clock()
        with self._lock:
            known = self._instances.get((beat.service, beat.instance))
            self._instances[beat.service, beat.instance] = _Instance(beat, now, _rate(known, beat, now))
            for key in [key for key, one in self._instances.items() if now - one.heard_at > FORGET_AFTER_S]:
                del self._instances[key]

    def view(self, service: str, *, asked_to_run: bool, process: dict[str, Any] | None) -> dict[str, Any]:
        """Return how the service looks: a state in a word, a detail in words, numbers over all living instances.

        `process` is the supervisor's entry for it, where there is a supervisor: it knows deaths before silence tells.
        """
        now = self._clock()
        with self._lock:
            known = [one for (name, _), one in self._instances.items() if name == service]
        alive = [one for one in known if now - one.heard_at <= SILENT_AFTER_S]
        if process and process["state"] != "running":
            alive = []
        state, detail = _state(alive, known, asked_to_run, process)
        return {
            "state": state,
            "detail": detail,
            "in_flight": sum(one.beat.in_flight for one in alive),
            "rate": round(sum(one.rate for one in alive), 1),
            "partitions": sum(len(one.beat.partitions) for one in alive),
            "restarts": process["restarts"] if process else 0,
            "armed": _armed(one.beat.armed for one in alive),
            "instances": [_instance(one.beat) for one in alive],
        }


def _rate(known: _Instance | None, beat: Heartbeat, now: float) -> float:
    if known is None or now <= known.heard_at:
        return 0.0
    # A worker that was opened anew counts from nothing.
    return max(0, beat.handled - known.beat.handled) / (now - known.heard_at)


def _state(
    alive: list[_Instance], known: list[_Instance], asked_to_run: bool, process: dict[str, Any] | None
) -> tuple[str, str]:
    if process and process["state"] == "restarting":
        return "restarting", f"{process['exit']}; it is started again"
    if process and process["state"] == "running" and process["pid"] not in {one.beat.pid for one in known}:
        return "starting", f"process {process['pid']} has just begun"
    if not alive:
        if known:
            return "gone", f"silent since {max(one.beat.at for one in known)[11:19]} UTC"
        return "starting", "not heard of yet"
    failing = [one.beat for one in alive if one.beat.state == "failing"]
    if failing:
        return "failing", failing[0].detail
    if not asked_to_run:
        done = all(one.beat.state == "stopped" for one in alive)
        return ("stopped", "it has left its group; messages wait") if done else ("stopping", "")
    if any(one.beat.state == "running" and one.beat.partitions for one in alive):
        return "running", _past(process)
    return "starting", "joining its group"


def _past(process: dict[str, Any] | None) -> str:
    """A restart can be over before anybody looks, so it is told afterwards as well."""
    if not process or not process["restarts"]:
        return ""
    times = "once" if process["restarts"] == 1 else f"{process['restarts']} times"
    return f"{process['exit']}, started again {times}"


def _armed(orders: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return what waits for its moment at any of the instances."""
    armed: dict[str, Any] = {}
    for waiting in orders:
        armed |= waiting
    return armed


def _instance(beat: Heartbeat) -> dict[str, Any]:
    return {
        "instance": beat.instance,
        "pid": beat.pid,
        "host": beat.host,
        "state": beat.state,
        "partitions": list(beat.partitions),
        "in_flight": beat.in_flight,
    }
