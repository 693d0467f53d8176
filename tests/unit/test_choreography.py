"""A whole saga in pure code: whatever order messages take and however often they come, it is completed once."""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from saga import reports, routing, wire
from saga.bus import Outgoing, Place, Record
from saga.definitions import CHOREOGRAPHY, CLOSE, ONBOARDING
from saga.messages import Kind, SagaMessage, TraceEvent
from saga.state import fold, initial
from tests.factories import ADA, AT, RESULTS

SAGA_IDS = ("saga-1", "saga-2", "saga-3")
SERVICES = {step.topic: step.service for step in ONBOARDING.steps} | {ONBOARDING.closing_topic: ONBOARDING.closed_by}
EFFECTS = [(step.service, step.name) for step in ONBOARDING.steps] + [(ONBOARDING.closed_by, CLOSE)]


class World:
    """Messages on their way, each delivered one to three times, in any order; ledgers; and what was said."""

    def __init__(self, random: Random) -> None:
        self.ledgers: Counter[tuple[str, str, str]] = Counter()
        self.said: dict[str, list[TraceEvent]] = {saga_id: [] for saga_id in SAGA_IDS}
        self._random = random
        self._on_the_way: list[Outgoing] = []

    def send(self, routed: routing.Routed) -> Outgoing:
        sent = wire.encode(routed.message, topic=routed.topic, source="test", at=AT)
        self._on_the_way += [sent] * self._random.randint(1, 3)
        return sent

    def run(self) -> None:
        while self._on_the_way:
            self._deliver(self._on_the_way.pop(self._random.randrange(len(self._on_the_way))))

    def _deliver(self, sent: Outgoing) -> None:
        """Do what a service does: the step once, by its ledger, and say the same again when asked again."""
        message = wire.decode(SagaMessage, sent.value)
        routing.check_addressed(message, topic=sent.topic, key=sent.key)
        about = {"service": SERVICES[sent.topic], "attempt": 1, "at": AT}
        record = Record(topic=sent.topic, partition=0, offset=0, key=sent.key, value=sent.value)
        self.said[message.saga_id].append(reports.on_record(Kind.RECEIVED, record, message, **about))
        effect = (SERVICES[sent.topic], message.saga_id, message.step or CLOSE)
        if effect not in self.ledgers:
            self.ledgers[effect] += 1
            self._go_on(message, record, about)

    def _go_on(self, message: SagaMessage, record: Record, about: dict[str, Any]) -> None:
        if message.step:
            result = RESULTS[message.step]
            sent = self.send(routing.after_success(message, result))
            about |= {"detail": {"result": result}}
            said = reports.on_outgoing(Kind.SUCCEEDED, sent, Place(sent.topic, 0, 0), message, **about)
        else:
            said = reports.on_record(Kind.COMPLETED, record, message, **about)
        self.said[message.saga_id].append(said)


@settings(max_examples=50)
@given(st.integers(0, 10**9))
def test_every_interleaving_with_repeats_ends_completed_with_each_step_done_once(seed: int) -> None:
    world = World(Random(seed))
    for saga_id in SAGA_IDS:
        world.send(routing.opening(ONBOARDING, saga_id=saga_id, style=CHOREOGRAPHY, user=ADA))
    world.run()
    for trace in world.said.values():
        known = fold(initial(ONBOARDING), Random(seed).sample(trace, len(trace)))
        assert known.status == "completed"
        assert {step.name: step.result for step in known.steps if step.status == "done"} == RESULTS
    assert world.ledgers == {(service, saga_id, step): 1 for saga_id in SAGA_IDS for service, step in EFFECTS}
