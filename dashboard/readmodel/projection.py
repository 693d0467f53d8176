"""How trace events become rows: one transaction a batch, the same rows whatever is repeated or late."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from dashboard.models import Board, DeadLetter, Saga
from dashboard.readmodel import clock
from dashboard.readmodel.clock import utc_now
from dashboard.readmodel.figures import Counts
from dashboard.readmodel.rows import SagaRow, load_sagas, save_sagas, state_json, store_traces
from saga import state
from saga.definitions import definition_of
from saga.digests import digest_of
from saga.messages import MAX_REASON, Kind, Trace, TraceEvent
from saga.messages import DeadLetter as DeadLetterMessage


@transaction.atomic
def project(traces: Sequence[tuple[Trace, str]], letters: Sequence[DeadLetterMessage]) -> None:
    """Keep the messages, bring the rows of their sagas up to date, number those that ended. Raises DatabaseError.

    Each trace comes with its text as it stood on the wire.
    """
    clock.look()
    board = Board.locked()
    new_letters = _store_letters(board, letters)
    store_traces([(trace.saga_id, trace.slots, text) for trace, text in traces])
    counts = Counts()
    sagas = load_sagas({trace.saga_id for trace, _ in traces} | {letter.subject for letter in new_letters})
    for trace, _ in traces:
        if trace.saga_id not in sagas:
            sagas[trace.saga_id] = _adopt(board, trace)
        saga = sagas[trace.saga_id]
        _advance(saga, trace.events, counts)
    for letter in new_letters:
        if saga := sagas.get(letter.subject):
            saga.state = state.apply(saga.state, _dead_lettered(saga.state, letter))
    ended = [saga for saga in sagas.values() if saga.state.has_ended and saga.finished is None]
    _number_ended(board, ended)
    for saga in ended:
        counts.hear_end(saga.state, scenario=saga.scenario, style=saga.style, started_at=saga.started_at)
    for saga in sagas.values():
        saga.seq = board.next_seq()
        if saga.state.status == state.STUCK and saga.stuck_at is None:
            saga.stuck_at = utc_now()
    save_sagas(sagas.values())
    counts.save(at=utc_now())
    board.save()


def _advance(saga: SagaRow, events: Sequence[TraceEvent], counts: Counts) -> None:
    before = saga.state.progress
    for event in events:
        known, saga.state = saga.state, state.apply(saga.state, event)
        counts.hear(known, event, saga.state)
    if saga.state.progress > before:
        saga.progress_at = utc_now()


def _store_letters(board: Board, letters: Sequence[DeadLetterMessage]) -> list[DeadLetterMessage]:
    """Keep the letters, and return those that are new: a repeat must not stop a saga that was helped since."""
    new = {letter.id: letter for letter in letters if not DeadLetter.objects.filter(**_place(letter)).exists()}
    fields = ("service", "reason", "key", "value", "at")
    rows = [DeadLetter(**_place(one), **{name: getattr(one, name) for name in fields}) for one in new.values()]
    if rows:
        DeadLetter.objects.bulk_create(rows)
        board.dead_letters += len(rows)
        board.next_seq()
    return list(new.values())


def _place(letter: DeadLetterMessage) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in ("topic", "partition", "offset", "written_at")}


def _dead_lettered(known: state.SagaState, letter: DeadLetterMessage) -> TraceEvent:
    """Return what a dead letter means to its saga: nothing goes on from here by itself."""
    detail = {"progress": known.progress, "error": f"a message was dead-lettered: {letter.reason}"[:MAX_REASON]}
    about = {"service": letter.service, "step": None, "attempt": 1, "at": letter.at, "hop": known.hop}
    return TraceEvent(kind=Kind.DEAD_LETTERED, detail=detail, **about)


def _adopt(board: Board, trace: Trace) -> SagaRow:
    """Make a row for a saga that did not come through the outbox: another program produced it, or its row was lost."""
    board.accepted += 1
    known = state.initial(definition_of(trace.scenario))
    about = {
        "number": board.accepted,
        "scenario": trace.scenario,
        "style": trace.style,
        "started_at": min(event.at for event in trace.events),
    }
    Saga.objects.create(
        **about,
        saga_id=trace.saga_id,
        digest=digest_of(trace.saga_id),
        user_name=trace.user.name,
        department=trace.user.department,
        trace_id=trace.trace_id,
        state=state_json(known),
        progress_at=utc_now(),
        # It is with the broker already; where its first message stands is not ours to know.
        fed_topic="",
        fed_partition=0,
        fed_offset=-1,
        seq=board.next_seq(),
    )
    return SagaRow(**about, state=known)


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
        board.compensated += saga.state.status == state.COMPENSATED
        saga.finished = board.ended
        saga.overtook = bisect_left(running, saga.number)
        saga.overtaken = saga.overtook - (saga.number - saga.finished)
        del running[saga.overtook]
        board.out_of_order += bool(saga.overtook or saga.overtaken)


def _running_up_to(number: int) -> list[int]:
    unfinished = Saga.objects.filter(finished=None, number__lte=number).order_by("number")
    return list(unfinished.values_list("number", flat=True))
