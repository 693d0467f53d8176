"""Accepting sagas: each is written down before anything is sent, so an accepted saga is never lost.

The transactional outbox pattern. A row of `Saga` without `fed_offset` is the outbox entry;
`dashboard.backstage.relay` sends it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from uuid import uuid4

from django.db import DatabaseError, transaction
from pydantic import TypeAdapter

from dashboard.errors import NotAccepted
from dashboard.models import Board
from dashboard.readmodel import clock
from dashboard.readmodel.people import made_up
from dashboard.readmodel.rows import NewSaga, insert_sagas, state_json
from saga import state, tracing
from saga.definitions import Definition
from saga.digests import digest_of
from saga.messages import StepFault, User

_FAULTS = TypeAdapter(dict[str, StepFault])

# Set when there may be something to send; the relay of this process waits for it.
news = threading.Event()


def accept(
    definition: Definition,
    *,
    style: str,
    users: Sequence[User] | int,
    faults: Mapping[str, StepFault] | None = None,
    traceparent: str | None = None,
) -> list[str]:
    """Write down a saga for each user, or for that many made-up ones, and return their ids.

    They belong to the trace of `traceparent`, if it is one, and else each to its own.

    All of them or none: raises NotAccepted when the database does not take them.
    """
    try:
        clock.look()
        with transaction.atomic():
            board = Board.locked()
            people = list(islice(made_up(board.accepted), users)) if isinstance(users, int) else users
            accepted = partial(
                NewSaga,
                scenario=definition.scenario,
                style=style,
                status=state.RUNNING,
                started_at=clock.utc_now(),
                faults=_FAULTS.dump_json(dict(faults or {})).decode(),
                trace_id=tracing.trace_id_in(traceparent),
                state=state_json(state.initial(definition)),
            )
            sagas = [_numbered(board, accepted, user) for user in people]
            insert_sagas(sagas)
            board.save()
    except DatabaseError as error:
        raise NotAccepted(f"the sagas could not be written down, nothing was started: {error}") from error
    news.set()
    return [saga.saga_id for saga in sagas]


def faults_of(text: str) -> dict[str, StepFault]:
    """Return the faults that a saga's row keeps as JSON."""
    return _FAULTS.validate_json(text)


def _numbered(board: Board, accepted: Callable[..., NewSaga], user: User) -> NewSaga:
    board.accepted += 1
    saga_id = str(uuid4())
    return accepted(
        number=board.accepted,
        saga_id=saga_id,
        digest=digest_of(saga_id),
        user_name=user.name,
        department=user.department,
        seq=board.next_seq(),
    )
