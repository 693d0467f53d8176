"""Messages of every kind: a valid one of each, and any that there can be."""

import json
import string

from hypothesis import strategies as st

from saga.messages import Action, DeadLetter, Kind, Outcome, Reply, SagaMessage, StepFault, Trace, TraceEvent, User
from saga.steering import LONGEST_LAG_MS, Control, FaultRules, Forget, Heartbeat, Instant, Order
from tests.support.sagas.factories import command, control, dead_letter, heartbeat, outgoing, reply, request, trace

FORGET = Forget(saga_ids=("saga-1",))
MESSAGES = [request(), reply(command("car"), Outcome.DONE), trace(), dead_letter(), heartbeat(), control(), FORGET]
KINDS = [type(message) for message in MESSAGES]
VALID = {type(message): outgoing(message).value for message in MESSAGES}
EVENTS = json.loads(VALID[Trace])["data"]["events"]

characters = st.characters(codec="utf-8", exclude_characters="\x00")
text = st.text(characters, max_size=12)
names = st.text(characters, min_size=1, max_size=12)
saga_ids = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=36)
counts = st.integers(0, 2**31 - 1)
lags = st.integers(0, LONGEST_LAG_MS)
offsets = st.integers(0, 2**63 - 1)
times = st.datetimes().map(lambda at: f"{at.isoformat()}Z")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=3,
)
objects = st.dictionaries(text, json_values, max_size=3)
users = st.builds(User, name=names, department=names)
actions = st.sampled_from(Action)
trace_ids = st.none() | st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
rounds = st.integers(1, 2**31 - 1)
rates = st.floats(0, 1)
step_faults = st.builds(
    StepFault,
    failures=st.none() | st.integers(1, 1000),
    retryable=st.booleans(),
    error=st.none() | names,
    action=actions,
)
rules = st.builds(
    FaultRules,
    fail_rate=rates,
    retryable=st.booleans(),
    action=actions,
    step=st.none() | names,
    error=names,
    drop_rate=rates,
    duplicate_rate=rates,
    delay_rate=rates,
    delay_ms=st.integers(0, 60_000),
    reorder_rate=rates,
    seed=counts,
)
orders = st.builds(
    Order,
    instance=text,
    kill=st.booleans(),
    crash_at=st.none() | st.sampled_from(Instant),
    fail_next=st.none() | st.integers(1, 1000),
    disarm=st.booleans(),
)
events = st.builds(
    TraceEvent,
    kind=st.sampled_from(Kind),
    service=names,
    step=st.none() | names,
    action=actions,
    attempt=counts,
    at=times,
    hop=counts,
    topic=st.none() | text,
    partition=st.none() | counts,
    offset=st.none() | offsets,
    key=st.none() | text,
    headers=st.dictionaries(text, text, max_size=2),
    payload=st.none() | text,
    detail=objects,
)
messages = st.one_of(
    st.builds(
        SagaMessage,
        saga_id=saga_ids,
        scenario=text,
        style=text,
        step=st.none() | text,
        user=users,
        action=actions,
        results=st.dictionaries(text, objects, max_size=3),
        hop=counts,
        round=rounds,
        reason=st.none() | text,
        faults=st.dictionaries(text, step_faults, max_size=2),
        by_hand=st.booleans(),
        trace_id=trace_ids,
    ),
    st.builds(
        Reply,
        saga_id=saga_ids,
        scenario=text,
        step=text,
        action=actions,
        outcome=st.sampled_from(Outcome),
        hop=counts,
        round=rounds,
        result=objects,
        reason=st.none() | text,
        trace_id=trace_ids,
    ),
    st.builds(
        Trace,
        saga_id=saga_ids,
        scenario=text,
        style=text,
        user=users,
        events=st.lists(events, min_size=1, max_size=2).map(tuple),
        trace_id=trace_ids,
    ),
    st.builds(
        DeadLetter,
        service=names,
        reason=text,
        topic=text,
        partition=counts,
        offset=offsets,
        key=st.none() | text,
        value=st.none() | text,
        at=times,
        trace_id=trace_ids,
    ),
    st.builds(
        Heartbeat,
        service=names,
        instance=names,
        pid=counts,
        host=text,
        state=st.sampled_from(["starting", "running", "stopped", "failing"]),
        detail=text,
        partitions=st.lists(text, max_size=3).map(tuple),
        armed=st.dictionaries(names, names | counts, max_size=2),
        in_flight=counts,
        handled=counts,
        beat=counts,
        at=times,
    ),
    st.builds(
        Control,
        service=text,
        running=st.booleans(),
        lag_ms=st.tuples(lags, lags).map(sorted).map(tuple),
        faults=rules,
        order=st.none() | orders,
    ),
    st.builds(Forget, saga_ids=st.lists(saga_ids, min_size=1, max_size=3).map(tuple)),
)
