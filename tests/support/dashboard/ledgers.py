"""What services would have written down in their ledgers, and the coordinator in its log."""

from consumers.ledger import Change, Ledger
from consumers.log_store import SagaLogStore
from saga.bus import Record
from saga.definitions import COORDINATOR, DEFINITIONS
from saga.participation import Entry, Status
from saga.routing import End
from saga.saga_log import LogEntry, Mark
from tests.support.dashboard.factories import at

RECORD = Record(topic="new-user", partition=0, offset=0, key=b"k", value=b"v")


def note(saga_id: str, status: Status, *steps: str, scenario: str = "onboarding") -> None:
    """Let the services record that these steps are in this state."""
    for step in steps:
        entry = Entry(saga_id=saga_id, step=step, status=status, result={}, decided_at=at(0), version=1)
        Ledger(DEFINITIONS[scenario].step(step).service).record([Change(entry, RECORD)])


def do(saga_id: str, *steps: str) -> None:
    note(saga_id, Status.DONE, *steps)


def log_end(saga_id: str, end: End) -> None:
    entry = LogEntry(mark=Mark.END_SAGA, hop=9, cause="x", end=end)
    SagaLogStore(COORDINATOR).append({saga_id: (0, [entry])}, at=at(0))
