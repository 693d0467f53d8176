"""What a person can do about a saga or a message that does not get on. All of it is decided here, one after another.

Nothing is sent from here: what is wanted is written down, and the relay sends it. So an answer of 202 holds even if the
broker is away.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, transaction

from dashboard.errors import BadRequest, Conflict, NotAccepted, NotFound
from dashboard.models import Board, DeadLetter, Saga
from dashboard.readmodel import outbox
from dashboard.readmodel.rows import state_of, want_again
from saga import intake
from saga.definitions import definition_of
from saga.errors import MessageRejected
from saga.state import STUCK
from saga.topics import SAGA_TOPICS

MAX_VALUE = 64 * 1024


def retry(saga_id: str) -> Saga:
    """Drive a saga on from its start: what is done is passed over, what waits for its next attempt is tried at once.

    Raises NotFound, Conflict if it has ended, NotAccepted.
    """

    def apply(saga: Saga) -> None:
        saga.round += 1

    return _change(saga_id, apply)


def retry_all_stuck() -> list[str]:
    """Drive every stuck saga on, as `retry` does, and return their ids. Raises NotAccepted."""
    with _writing_down("wish") as board:
        stuck = Saga.objects.filter(finished=None, status=STUCK).order_by("number")
        found = list(stuck.values_list("number", "saga_id"))
        want_again([(board.next_seq(), number) for number, _ in found])
        board.save()
    return [saga_id for _, saga_id in found]


def roll_back(saga_id: str) -> Saga:
    """Undo what a saga has done, from its end. Asked twice it is the same. Raises NotFound, Conflict, NotAccepted."""

    def apply(saga: Saga) -> None:
        if saga.roll_back_hop is None:
            saga.roll_back_hop = state_of(saga.state).hop + 1
            saga.round += 1

    return _change(saga_id, apply)


def resolve(saga_id: str, step: str) -> Saga:
    """Take a person's word that the effect of a stuck step was undone by hand.

    Raises NotFound, BadRequest for an unknown step, Conflict if that step is not stuck, NotAccepted.
    """

    def apply(saga: Saga) -> None:
        try:
            definition_of(saga.scenario).step(step)
        except MessageRejected as error:
            raise BadRequest(str(error)) from error
        stuck = state_of(saga.state).stuck_steps
        if step not in stuck:
            raise Conflict(f"the compensation of {step!r} is not stuck")
        if saga.resolved_step in stuck - {step}:
            raise Conflict(f"that {saga.resolved_step!r} was resolved is still being told; ask again in a moment")
        saga.resolved_step = step
        saga.round += 1

    return _change(saga_id, apply)


def replay(letter_id: int, value: str | None) -> DeadLetter:
    """Send a dead letter's message again, as it was or corrected.

    Raises NotFound, BadRequest if it would be refused again, Conflict if it was replayed already, NotAccepted.
    """
    with _writing_down("replay"):
        letter = DeadLetter.objects.filter(id=letter_id).first()
        if letter is None:
            raise NotFound(f"there is no dead letter {letter_id}")
        if letter.replay is not None:
            raise Conflict("this message was replayed already")
        letter.replay = _checked(letter, (letter.value or "") if value is None else value)
        letter.save(update_fields=["replay"])
    return letter


def _change(saga_id: str, apply: Callable[[Saga], None]) -> Saga:
    with _writing_down("wish") as board:
        saga = Saga.objects.filter(saga_id=saga_id).first()
        if saga is None:
            raise NotFound(f"there is no saga {saga_id!r}")
        if saga.finished is not None:
            raise Conflict(f"the saga has ended: it is {saga.status}")
        wanted_before = (saga.round, saga.roll_back_hop, saga.resolved_step)
        apply(saga)
        if wanted_before != (saga.round, saga.roll_back_hop, saga.resolved_step):
            saga.fed_topic = saga.fed_partition = saga.fed_offset = None
            saga.seq = board.next_seq()
            saga.save()
            board.save()
    return saga


@contextmanager
def _writing_down(what: str) -> Iterator[Board]:
    """Give the board, held while somebody decides; then wake the relay. Raises NotAccepted, and nothing is decided."""
    try:
        with transaction.atomic():
            yield Board.locked()
    except DatabaseError as error:
        raise NotAccepted(f"the {what} could not be written down: {error}") from error
    outbox.news.set()


def _checked(letter: DeadLetter, value: str) -> str:
    """Return the message if it can be understood now. Otherwise it would only come back."""
    if letter.topic not in SAGA_TOPICS:
        raise BadRequest(f"only messages of sagas can be replayed, and {letter.topic!r} carries none")
    if len(value) > MAX_VALUE:
        raise BadRequest(f"the message has {len(value):,} characters; {MAX_VALUE:,} is the most")
    try:
        intake.message_on(letter.topic, key=(letter.key or "").encode(), value=value)
    except MessageRejected as rejection:
        raise BadRequest(f"this would be refused again: {rejection}") from rejection
    return value
