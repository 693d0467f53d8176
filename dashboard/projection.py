"""How trace events become rows: one transaction a batch, the same rows whatever is repeated or late."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from django.db import transaction

from dashboard.models import Board, DeadLetter, Saga
from dashboard.rows import SagaRow, load_sagas, save_sagas, steps_json, store_traces
from saga import state
from saga.definitions import definition_of
from saga.messages import DeadLetter as DeadLetterMessage
from saga.messages import Trace


@transaction.atomic
def project(traces: Sequence[tuple[Trace, str]], letters: Sequence[DeadLetterMessage]) -> None:
    """Keep the messages, bring the rows of their sagas up to date, number those that ended. Raises DatabaseError.

    Each trace comes with its text as it stood on the wire.
    """
    board = Board.locked()
    _store_letters(board, letters)
    store_traces([(trace.saga_id, trace.slots, text) for trace, text in traces])
    sagas = load_sagas({trace.saga_id for trace, _ in traces})
    for trace, _ in traces:
        if trace.saga_id not in sagas:
            sagas[trace.saga_id] = _adopt(board, trace)
        saga = sagas[trace.saga_id]
        saga.state = state.fold(saga.state, trace.events)
    _number_ended(board, [saga for saga in sagas.values() if saga.state.has_ended and saga.finished is None])
    for saga in sagas.values():
        saga.seq = board.next_seq()
    save_sagas(sagas.values())
    board.save()


def _store_letters(board: Board, letters: Sequence[DeadLetterMessage]) -> None:
    if not letters:
        return
    fields = ("topic", "partition", "offset", "service", "reason", "key", "value", "at")
    rows = [DeadLetter(**{name: getattr(letter, name) for name in fields}) for letter in letters]
    DeadLetter.objects.bulk_create(rows, ignore_conflicts=True)
    board.dead_letters = DeadLetter.objects.count()
    board.next_seq()


def _adopt(board: Board, trace: Trace) -> SagaRow:
    """Make a row for a saga that did not come through the outbox: another program produced it, or its row was lost."""
    board.accepted += 1
    known = state.initial(definition_of(trace.scenario))
    Saga.objects.create(
        number=board.accepted,
        saga_id=trace.saga_id,
        scenario=trace.scenario,
        style=trace.style,
        user_name=trace.user.name,
        department=trace.user.department,
        started_at=min(event.at for event in trace.events),
        steps=steps_json(known.steps),
        # It is with the broker already; where its first message stands is not ours to know.
        fed_partition=0,
        fed_offset=-1,
        seq=board.next_seq(),
    )
    return SagaRow(number=board.accepted, state=known)


def _number_ended(board: Board, ended: Iterable[SagaRow]) -> None:
    """Give each ended saga its place in the order of finishing, and say whom it overtook.

    Of the sagas that started earlier, it overtook those that still run. The rest follows: a saga's number and its place
    among the finished differ by those that it overtook, less those that overtook it.
    """
    in_order = sorted(ended, key=lambda saga: (saga.state.ended_at, saga.number))
    if not in_order:
        return
    running = _running_up_to(max(saga.number for saga in in_order))
    for saga in in_order:
        board.ended += 1
        board.completed += saga.state.status == state.COMPLETED
        saga.finished = board.ended
        saga.overtook = bisect_left(running, saga.number)
        saga.overtaken = saga.overtook - (saga.number - saga.finished)
        del running[saga.overtook]
        board.out_of_order += bool(saga.overtook or saga.overtaken)


def _running_up_to(number: int) -> list[int]:
    unfinished = Saga.objects.filter(finished=None, number__lte=number).order_by("number")
    return list(unfinished.values_list("number", flat=True))
