"""Participants along the chain, forward and back, and on a road where messages go astray."""

from typing import Any

import pytest
from django.core import mail

from consumers.ledger import Change, Key, Ledger
from consumers.participants import PARTICIPANTS
from saga import participation, routing
from saga.definitions import CHOREOGRAPHY, CLOSE, ONBOARDING
from saga.messages import Kind, SagaMessage, StepFault
from saga.participation import Entry, Status
from saga.steering import FaultRules
from tests.support.sagas.factories import ADA, AT, RESULTS, entry, record, request, undo
from tests.support.services.fuse import FusedLedger
from tests.support.services.workbench import CHAIN, Workbench, begin

pytestmark = pytest.mark.django_db(databases=[*CHAIN, "car"])


def opening(**changes: Any) -> Any:
    return routing.opening(ONBOARDING, saga_id="saga-1", style=CHOREOGRAPHY, user=ADA, **changes)


class TestChain:
    def test_a_failure_travels_back_and_undoes_only_what_was_done(self, bench: Workbench) -> None:
        bench.send(opening(faults={"notify": StepFault(error="no such address")}))
        bench.run(*(bench.worker(service) for service in CHAIN))
        assert [bench.rows(service) for service in CHAIN] == [
            {"provision": "undone"},
            {"authorize": "undone"},
            {"notify": "failed"},
        ]
        assert (bench.state().status, bench.state().why) == ("compensated", "no such address")
        assert mail.outbox == []

    def test_a_roll_back_by_hand_undoes_everything_from_its_end(self, bench: Workbench) -> None:
        bench.send(request(), undo(None, reason="nobody wants it any more"))
        bench.run(*(bench.worker(service) for service in CHAIN))
        assert [bench.rows(service) for service in CHAIN] == [
            {"provision": "undone", "close": "refused"},
            {"authorize": "undone"},
            {"notify": "undone"},
        ]
        assert (bench.state().status, bench.state().why) == ("compensated", "nobody wants it any more")

    def test_a_roll_back_that_overtakes_its_saga_refuses_everything(self, bench: Workbench) -> None:
        workers = [bench.worker(service) for service in CHAIN]
        for message in (undo(None), request()):
            bench.send(message)
            bench.run(*workers)
        assert [set(bench.rows(service).values()) for service in CHAIN] == [{"refused"}] * 3
        assert (bench.state().status, bench.performed) == ("compensated", [])

    def test_a_roll_back_that_comes_after_the_close_changes_nothing(self, bench: Workbench) -> None:
        workers = [bench.worker(service) for service in CHAIN]
        bench.send(opening())
        bench.run(*workers)
        bench.send(undo(None))
        bench.run(*workers)
        assert (bench.state().status, bench.taken_back) == ("completed", [])

    @pytest.mark.parametrize(
        ("message", "why"),
        [
            pytest.param(request(faults={"provision": StepFault(error="none left")}), "none left", id="it failed"),
            pytest.param(undo(reason="no badge"), "no badge", id="it was taken back"),
        ],
    )
    def test_whoever_ends_a_saga_that_goes_back_tells_why(self, bench: Workbench, message: Any, why: str) -> None:
        bench.send(message)
        bench.work()
        assert [event.detail for event in bench.events() if event.kind is Kind.COMPENSATED] == [{"reason": why}]

    def test_a_saga_driven_on_passes_over_what_is_done(self, bench: Workbench) -> None:
        workers = [bench.worker(service) for service in CHAIN]
        for number in (1, 2):
            bench.send(opening(round=number))
            bench.run(*workers)
        assert (len(bench.performed), bench.state().status) == (3, "completed")


class TestFaultsOnTheRoad:
    def follow(self, bench: Workbench, **rules: float) -> None:
        bench.dials.rules = FaultRules(**rules)  # type: ignore[arg-type]

    def test_a_message_that_is_lost_leaves_no_trace_and_holds_up_nothing(self, bench: Workbench) -> None:
        self.follow(bench, drop_rate=1.0)
        bench.send(request())
        bench.work()
        assert (bench.events(), bench.performed, bench.backlog()) == ([], [], 0)

    def test_a_message_that_comes_twice_is_done_once_and_told_the_same(self, bench: Workbench) -> None:
        self.follow(bench, duplicate_rate=1.0)
        bench.send(request())
        bench.work()
        assert len({record.value for record in bench.bus.messages("authorize")}) == 1
        assert (len(bench.performed), bench.backlog(), bench.worker().in_flight) == (1, 0, 0)

    @pytest.mark.parametrize(
        ("rules", "late_s"), [({"delay_rate": 1.0, "delay_ms": 250}, 0.25), ({"reorder_rate": 1.0}, 1.0)], ids=str
    )
    def test_a_message_that_is_late_is_done_later(self, bench: Workbench, rules: dict[str, Any], late_s: float) -> None:
        self.follow(bench, **rules)
        worker = bench.worker()
        bench.send(request())
        bench.run(worker)
        bench.wait(late_s - 0.01, worker)
        assert (bench.performed, bench.committed()) == ([], 0)
        bench.wait(0.01, worker)
        assert (len(bench.performed), bench.backlog()) == (1, 0)

    def test_nonsense_that_comes_twice_is_one_dead_letter(self, bench: Workbench) -> None:
        self.follow(bench, duplicate_rate=1.0)
        bench.send(request("notify", results={"provision": {}, "authorize": {}}))
        bench.work("notifier")
        assert len({letter.id for letter in bench.letters()}) == 1
        assert bench.backlog("notifier") == 0

    def test_the_next_attempts_fail_and_then_no_more(self, bench: Workbench) -> None:
        bench.dials.fail_next = 2
        bench.send(*(request(saga_id=f"saga-{number}") for number in range(5)))
        bench.work()
        assert len(bench.requests("authorize")) == 3
        assert [event.detail["error"] for event in bench.events("saga-0") if event.kind is Kind.RETRYING] == [
            "a fault was asked for"
        ]


def test_the_results_of_earlier_steps_reach_the_participant(bench: Workbench) -> None:
    bench.send(request("notify"))
    bench.work("notifier")
    [performed] = bench.performed
    assert performed.results == {name: RESULTS[name] for name in ("provision", "authorize")}


def test_where_another_instance_was_faster_with_an_undo_it_is_believed(bench: Workbench) -> None:
    bench.send(request())
    bench.work()
    first = participation.undone(bench.row(), at=AT)

    def undo_too_late(*_: object) -> None:
        Ledger("provisioner").record([Change(first, record())])

    bench.send(undo())
    bench.work(undo=undo_too_late)
    assert {event.at for event in bench.events() if event.kind is Kind.UNDONE} == {AT}
    assert bench.row() == first


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.UNDONE])
def test_what_was_done_while_another_instance_wrote_down_that_it_is_not_to_be_is_taken_back(
    bench: Workbench, status: Status
) -> None:
    def perform_too_late(message: SagaMessage) -> dict[str, Any]:
        Ledger("notifier").record([Change(entry(status, "notify"), record())])
        return PARTICIPANTS["notifier"].perform(message)

    bench.send(request("notify"))
    bench.work("notifier", perform=perform_too_late)
    first, correction = mail.outbox
    assert correction.extra_headers["In-Reply-To"] == first.extra_headers["Message-ID"]
    assert bench.rows("notifier") == {"notify": status}


def test_a_saga_that_is_closed_where_another_instance_refused_that_leaves_nothing_to_take_back(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_too_early(ledger: Ledger, saga_ids: list[str]) -> dict[Key, Entry]:
        found = Ledger.find(ledger, saga_ids)
        Ledger("provisioner").record([Change(entry(Status.REFUSED, None), record())])
        return found

    begin()
    monkeypatch.setattr(FusedLedger, "find", find_too_early)
    bench.send(request(None))
    bench.work()
    assert (bench.rows("provisioner")[CLOSE], bench.taken_back) == ("refused", [])
