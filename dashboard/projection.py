"""How trace events become rows: one transaction a batch, the same rows whatever is repeated or late."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from django.db import transaction
from pydantic import TypeAdapter

from dashboard.models import Board, DeadLetter, Event, Saga
from dashboard.outbox import STEPS
from saga import state
from saga.definitions import definition_of
from saga.messages import DeadLetter as DeadLetterMessage
from saga.messages import Trace, TraceEvent

EVENT = TypeAdapter(TraceEvent)


@transaction.atomic
def project(traces: Sequence[Trace], letters: Sequence[DeadLetterMessage]) -> None:
    """Store the events, bring the rows of their sagas up to date, number those that ended. Raises DatabaseError."""
    board = Board.locked()
    _store_events(traces)
    _store_letters(board, letters)
    sagas = _known_sagas(traces)
    before = {saga_id for saga_id, saga in sagas.items() if saga.finished is not None}
    for trace in traces:
        if trace.saga_id not in sagas:
            sagas[trace.saga_id] = _adopt(board, trace)
        _bring_up_to_date(sagas[trace.saga_id], trace.events)
    for saga in sagas.values():
        saga.seq = board.next_seq()
    _number_ended(board, [s for s in sagas.values() if s.status in state.ENDED and s.saga_id not in before])
    _save(sagas.values())
    board.save()


def _store_events(traces: Iterable[Trace]) -> None:
    rows = [
        Event(saga_id=trace.saga_id, slot=event.slot, event=EVENT.dump_json(event).decode())
        for trace in traces
        for event in trace.events
    ]
    Event.objects.bulk_create(rows, ignore_conflicts=True)


def _store_letters(board: Board, letters: Sequence[DeadLetterMessage]) -> None:
    if not letters:
        return
    fields = ("topic", "partition", "offset", "service", "reason", "key", "value", "at")
    rows = [DeadLetter(**{name: getattr(letter, name) for name in fields}) for letter in letters]
    DeadLetter.objects.bulk_create(rows, ignore_conflicts=True)
    board.dead_letters = DeadLetter.objects.count()
    board.next_seq()


def _known_sagas(traces: Iterable[Trace]) -> dict[str, Saga]:
    return {saga.saga_id: saga for saga in Saga.objects.filter(saga_id__in={trace.saga_id for trace in traces})}


def _adopt(board: Board, trace: Trace) -> Saga:
    """Return a row for a saga that did not come through the outbox: another program produced it, or the row was lost."""
    board.accepted += 1
    return Saga(
        number=board.accepted,
        saga_id=trace.saga_id,
        scenario=trace.scenario,
        style=trace.style,
        user_name=trace.user.name,
        department=trace.user.department,
        started_at=min(event.at for event in trace.events),
        steps=STEPS.dump_python(state.initial(definition_of(trace.scenario)).steps, mode="json"),
        # It is with the broker already; where its first message stands is not ours to know.
        fed_partition=0,
        fed_offset=-1,
    )


def _bring_up_to_date(saga: Saga, events: Iterable[TraceEvent]) -> None:
    known = state.SagaState(steps=STEPS.validate_python(saga.steps), status=saga.status, ended_at=saga.ended_at)
    new = state.fold(known, events)
    saga.steps, saga.status, saga.ended_at = STEPS.dump_python(new.steps, mode="json"), new.status, new.ended_at


def _number_ended(board: Board, ended: list[Saga]) -> None:
    """Give each ended saga its place in the order of finishing, and say whom it overtook.

    Of the sagas that started earlier, those still running now were overtaken by it. The rest follows: a saga's number
    and its place among the finished differ by those it overtook, less those that overtook it.
    """
    if not ended:
        return
    newest = max(saga.number for saga in ended)
    running = list(
        Saga.objects.filter(finished=None, number__lte=newest).order_by("number").values_list("number", flat=True)
    )
    running = sorted({*running, *(saga.number for saga in ended)})
    for saga in sorted(ended, key=lambda saga: (saga.ended_at, saga.number)):
        board.ended += 1
        board.completed += saga.status == state.COMPLETED
        position = bisect_left(running, saga.number)
        del running[position]
        saga.finished = board.ended
        saga.overtook = position
        saga.overtaken = position - (saga.number - saga.finished)
        board.out_of_order += bool(saga.overtook or saga.overtaken)


def _save(sagas: Iterable[Saga]) -> None:
    changing = ("status", "reason", "ended_at", "finished", "overtook", "overtaken", "steps", "seq")
    Saga.objects.bulk_create(sagas, update_conflicts=True, unique_fields=["number"], update_fields=changing)
