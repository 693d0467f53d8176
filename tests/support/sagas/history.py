"""All that is said about a saga: two histories, and parts of them in any order."""

from random import Random
from typing import Any

from hypothesis import strategies as st

from saga.definitions import ONBOARDING
from saga.messages import Action, Kind, TraceEvent
from saga.state import SagaState, initial
from tests.support.sagas.factories import LATER, RESULTS, event

UNDO = Action.UNDO


def on_step(kind: Kind, step: str = "provision", *, service: str = "provisioner", **changes: Any) -> TraceEvent:
    return event(kind, step=step, service=service, **changes)


def of_saga(kind: Kind, **changes: Any) -> TraceEvent:
    return event(kind, step=None, **changes)


def found_stuck(known: SagaState, error: str = "no progress for 60 s") -> TraceEvent:
    detail = {"progress": known.progress, "error": error}
    return of_saga(Kind.STUCK, service="dashboard", attempt=known.progress, detail=detail)


def _completed() -> list[TraceEvent]:
    """Return all that is said about one onboarding, with two failures on the way, in causal order."""
    said = [of_saga(Kind.STARTED, service="dashboard")]
    for hop, step in enumerate(ONBOARDING.steps):
        about: dict[str, Any] = {"service": step.service, "step": step.name, "hop": hop}
        said.append(event(Kind.RECEIVED, **about))
        said += [event(Kind.RETRYING, **about, attempt=number, detail={"error": "down"}) for number in (1, 2)]
        said.append(event(Kind.SUCCEEDED, **about, attempt=3, detail={"result": RESULTS[step.name]}))
    said += [of_saga(kind, hop=3) for kind in (Kind.RECEIVED, Kind.COMPLETED)]
    return said


def _compensated() -> list[TraceEvent]:
    """Return all that is said about an onboarding whose e-mail fails, and whose first undo needs help, in order."""
    said = [of_saga(Kind.STARTED, service="dashboard")]
    for hop, step in enumerate(ONBOARDING.steps[:2]):
        about: dict[str, Any] = {"service": step.service, "step": step.name, "hop": hop}
        said.append(event(Kind.RECEIVED, **about))
        said.append(event(Kind.SUCCEEDED, **about, detail={"result": RESULTS[step.name]}))
    notify: dict[str, Any] = {"service": "notifier", "step": "notify", "hop": 2}
    said += [event(Kind.RECEIVED, **notify), event(Kind.FAILED, **notify, detail={"error": "no such address"})]
    about = {"service": "authorizer", "step": "authorize", "action": UNDO, "hop": 3}
    said.append(event(Kind.UNDOING, **about, detail={"reason": "no such address"}))
    said.append(event(Kind.UNDO_FAILED, **about, detail={"error": "down", "next_attempt_at": LATER}))
    said.append(event(Kind.STUCK, **about, attempt=2, detail={"error": "still down"}))
    said.append(event(Kind.UNDONE, **about, attempt=3))
    about = {"service": "provisioner", "step": "provision", "action": UNDO, "hop": 4}
    said += [event(Kind.UNDOING, **about), event(Kind.UNDONE, **about)]
    return [*said, of_saga(Kind.COMPENSATED, hop=4, detail={"reason": "no such address"})]


HISTORIES = {"completed": _completed(), "compensated": _compensated()}
UNKNOWN = initial(ONBOARDING)

histories = st.sampled_from(list(HISTORIES.values()))


@st.composite
def some_of_one(draw: st.DrawFn) -> list[TraceEvent]:
    """Draw some events of one history, in any order, repeats included."""
    return draw(st.lists(st.sampled_from(draw(histories)), max_size=40))


def shuffled(events: list[TraceEvent], seed: int) -> list[TraceEvent]:
    return Random(seed).sample(events, len(events))


def statuses(known: SagaState) -> list[str]:
    return [step.status for step in known.steps]
