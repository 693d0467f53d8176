"""What is known of each service's instances from their heartbeats, and what that makes of the service."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dashboard.readmodel.services import GONE
from saga.steering import BEAT_INTERVAL_S, Heartbeat

SILENT_AFTER_S = 3 * BEAT_INTERVAL_S
FORGET_AFTER_S = 30.0
INSTANCE_ENDED = "ended"


@dataclass(slots=True)
class _Instance:
    beat: Heartbeat
    first_heard_at: float
    heard_at: float
    rate: float = 0.0


class Watch:
    """Heartbeats by instance, heard on one thread and asked on another. `clock` gives monotonic seconds.

    `news` is set when an instance is heard of for the first time, or is in another state than before.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.news = threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._instances: dict[tuple[str, str], _Instance] = {}
        self._supervised: dict[str, int] = {}

    def hear(self, beat: Heartbeat) -> None:
        now = self._clock()
        with self._lock:
            known = self._instances.get((beat.service, beat.instance))
            if known is None or known.beat.state != beat.state:
                self.news.set()
            since = known.first_heard_at if known else now
            self._instances[beat.service, beat.instance] = _Instance(beat, since, now, _rate(known, beat, now))
            self._forget_before(now - FORGET_AFTER_S)

    def view(self, service: str, *, asked_to_run: bool, process: dict[str, Any] | None) -> dict[str, Any]:
        """Return how the service looks: a state in a word, a detail in words, numbers over all living instances.

        `process` is the supervisor's entry for it, where there is a supervisor: it knows deaths before silence tells.
        An instance that has gone is listed for a while, as such.
        """
        now = self._clock()
        with self._lock:
            known = [one for (name, _), one in self._instances.items() if name == service]
        dead_pid = self._dead_pid(service, process)
        beating = [one for one in known if now - one.heard_at <= SILENT_AFTER_S and one.beat.state != INSTANCE_ENDED]
        alive = [one for one in beating if one.beat.pid != dead_pid]
        recent = [one for one in known if now - one.heard_at <= FORGET_AFTER_S]
        gone = [one for one in recent if one not in alive and not _is_replaced(one, alive)]
        state, detail = _state(alive, known, asked_to_run, process)
        if state == "running":
            detail = _past(process) or _losses(alive, gone)
        return {
            "state": state,
            "detail": detail,
            "in_flight": sum(one.beat.in_flight for one in alive),
            "rate": round(sum(one.rate for one in alive), 1),
            "partitions": sum(len(one.beat.partitions) for one in alive),
            "restarts": process["restarts"] if process else 0,
            "armed": _armed(one.beat.armed for one in alive),
            "instances": [*map(_living, alive), *map(_gone, gone)],
        }

    def _forget_before(self, then: float) -> None:
        """Forget who was silent since `then`, but the last one of each service: it tells since when that is gone."""
        newest: dict[str, float] = {}
        for (service, _), one in self._instances.items():
            newest[service] = max(one.heard_at, newest.get(service, one.heard_at))
        for key, one in list(self._instances.items()):
            if one.heard_at < min(then, newest[key[0]]):
                del self._instances[key]

    def _dead_pid(self, service: str, process: dict[str, Any] | None) -> int | None:
        """Return which process the supervisor saw end. Others may serve as well, that it has not started."""
        if not process:
            return None
        if process["state"] == "running":
            self._supervised[service] = process["pid"]
            return None
        return self._supervised.get(service, process["pid"])


def _rate(known: _Instance | None, beat: Heartbeat, now: float) -> float:
    if known is None or now <= known.heard_at:
        return 0.0
    # A worker that was opened anew counts from nothing.
    return max(0, beat.handled - known.beat.handled) / (now - known.heard_at)


def _is_replaced(gone: _Instance, alive: Iterable[_Instance]) -> bool:
    """Has another one begun in its place since, as in a container that restarts? Then nothing is missing."""
    there = [one for one in alive if one.beat.host == gone.beat.host]
    return len(there) == 1 and there[0].first_heard_at > gone.heard_at


def _state(
    alive: list[_Instance], known: list[_Instance], asked_to_run: bool, process: dict[str, Any] | None
) -> tuple[str, str]:
    if process and process["state"] == "restarting":
        return "restarting", f"{process['exit']}; it is started again"
    if process and process["state"] == "running" and process["pid"] not in {one.beat.pid for one in known}:
        begun = f"process {process['pid']} has just begun"
        return "starting", f"{process['exit']}; {begun} in its place" if process["exit"] else begun
    if not alive:
        return _absent(known)
    failing = [one.beat for one in alive if one.beat.state == "failing"]
    if failing:
        return "failing", failing[0].detail
    if not asked_to_run:
        done = all(one.beat.state == "stopped" for one in alive)
        return ("stopped", "it has left its group; messages wait") if done else ("stopping", "")
    if any(one.beat.state == "running" and one.beat.partitions for one in alive):
        return "running", ""
    return "starting", "joining its group"


def _absent(known: list[_Instance]) -> tuple[str, str]:
    """Return how a service is of which nobody lives."""
    if not known:
        return "starting", "not heard of yet"
    last = max((one.beat for one in known), key=lambda beat: beat.at)
    return "gone", f"{'ended at' if last.state == INSTANCE_ENDED else 'silent since'} {last.at[11:19]} UTC"


def _losses(alive: list[_Instance], gone: list[_Instance]) -> str:
    """While others go on, the silence of one shows nowhere else. One that ended in order is not missed."""
    lost = sum(one.beat.state != INSTANCE_ENDED for one in gone)
    return f"{lost} of {lost + len(alive)} instances went silent, the others go on" if lost else ""


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


def _living(one: _Instance) -> dict[str, Any]:
    beat = one.beat
    return {
        "instance": beat.instance,
        "pid": beat.pid,
        "host": beat.host,
        "state": beat.state,
        "partitions": list(beat.partitions),
        "in_flight": beat.in_flight,
        "rate": round(one.rate, 1),
        "last_heartbeat": beat.at,
        "heard": beat.heard,
    }


def _gone(one: _Instance) -> dict[str, Any]:
    return _living(one) | {"state": GONE, "partitions": [], "in_flight": 0, "rate": 0.0}
