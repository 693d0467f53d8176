"""What services have said, as far as it can be read; the rest becomes dead letters."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from dashboard.backstage import telling
from dashboard.readmodel.clock import utc_now
from saga import reports, wire
from saga.bus import Record
from saga.definitions import definition_of
from saga.errors import MessageRejected
from saga.messages import DeadLetter, Trace
from saga.steering import Heartbeat
from saga.topics import SERVICES

# PostgreSQL keeps no longer value in an index; real ones are a tenth of this.
MAX_SLOTS_BYTES = 2_000
READER = "projector"

M = TypeVar("M", Trace, DeadLetter, Heartbeat)


def read(
    kind: type[M], topic: str, records: Iterable[Record], unreadable: list[DeadLetter]
) -> Iterator[tuple[M, Record]]:
    """Yield the messages on `topic`; add a dead letter to `unreadable` for each that is none."""
    for record in records:
        if record.topic != topic:
            continue
        try:
            message = wire.decode(kind, record.value)
            if isinstance(message, Trace):
                _check_trace(message)
            elif isinstance(message, Heartbeat):
                _check_service(message.service)
        except MessageRejected as rejection:
            unreadable.append(reports.dead_letter(record, service=READER, reason=str(rejection), at=utc_now()))
        else:
            yield message, record


def _check_service(name: str, *others: str) -> None:
    if name not in (*SERVICES, *others):
        raise MessageRejected(f"there is no service {name!r}")


def _check_trace(trace: Trace) -> None:
    definition = definition_of(trace.scenario)
    if trace.style not in definition.styles:
        raise MessageRejected(f"scenario {trace.scenario!r} has no style {trace.style!r}")
    if len(trace.slots.encode()) > MAX_SLOTS_BYTES:
        raise MessageRejected(f"the names of its steps have more than {MAX_SLOTS_BYTES} bytes together")
    for event in trace.events:
        _check_service(event.service, telling.SOURCE)
        if event.step is not None:
            definition.step(event.step)
        if len(event.payload or "") > reports.MAX_CHARS:
            raise MessageRejected(f"the message it tells of has more than {reports.MAX_CHARS} characters")
        if reports.detail_chars(event.detail) > reports.MAX_DETAIL_CHARS:
            raise MessageRejected(f"the detail of an event has more than {reports.MAX_DETAIL_CHARS} characters")
