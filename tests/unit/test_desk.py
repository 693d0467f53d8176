"""Work finishes in any order; a commit never passes what is not finished."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.desk import Desk
from consumers.role import Work
from saga.bus import Record, TopicPartition
from tests.support.sagas.factories import record, request

PARTITIONS = [TopicPartition("new-user", 0), TopicPartition("new-user", 1), TopicPartition("notified", 0)]
FIRST, SECOND, _ = PARTITIONS


def at(partition: TopicPartition, offset: int) -> Record:
    return record(topic=partition.topic, partition=partition.partition, offset=offset)


def work_at(partition: TopicPartition, offset: int) -> Work:
    return Work(record=at(partition, offset), message=request())


def desk_with(*records: Record) -> Desk:
    desk = Desk()
    for each in records:
        desk.take_on(each)
    return desk


def test_a_commit_waits_for_the_oldest_unfinished_message() -> None:
    desk = desk_with(*(at(FIRST, offset) for offset in (4, 5, 6)))
    desk.finish([at(FIRST, 5), at(FIRST, 6)])
    assert desk.committable() == {}
    desk.finish([at(FIRST, 4)])
    assert desk.committable() == {FIRST: 7}


def test_what_was_committed_is_not_committed_again() -> None:
    desk = desk_with(at(FIRST, 0))
    desk.finish([at(FIRST, 0)])
    assert (desk.committable(), desk.committable()) == ({FIRST: 1}, {})


def test_partitions_do_not_wait_for_each_other() -> None:
    desk = desk_with(at(FIRST, 0), at(SECOND, 0))
    desk.finish([at(SECOND, 0)])
    assert desk.committable() == {SECOND: 1}


def test_offsets_may_have_gaps() -> None:
    desk = desk_with(at(FIRST, 3), at(FIRST, 90))
    desk.finish([at(FIRST, 3)])
    assert desk.committable() == {FIRST: 4}


def test_no_more_work_is_given_out_than_was_asked_for() -> None:
    desk = Desk()
    works = [work_at(FIRST, offset) for offset in range(3)]
    for due, each in enumerate(works):
        desk.schedule(each, due=due)
    assert desk.take_due(10.0, limit=2) == works[:2]
    assert (desk.next_due(), desk.take_due(10.0, limit=2)) == (2, works[2:])


def test_work_is_given_out_when_it_is_due_and_in_that_order() -> None:
    desk = Desk()
    late, early = work_at(FIRST, 0), work_at(FIRST, 1)
    desk.schedule(late, due=20.0)
    desk.schedule(early, due=10.0)
    assert (desk.next_due(), desk.take_due(9.9), desk.take_due(30.0)) == (10.0, [], [early, late])
    assert desk.next_due() is None


def test_work_that_is_due_at_the_same_time_keeps_its_order() -> None:
    desk = Desk()
    works = [work_at(FIRST, offset) for offset in range(20)]
    for work in works:
        desk.schedule(work, due=1.0)
    assert desk.take_due(1.0) == works


def test_work_of_a_partition_that_went_to_others_is_forgotten() -> None:
    desk = desk_with(at(FIRST, 0), at(SECOND, 0))
    kept = work_at(SECOND, 0)
    desk.schedule(work_at(FIRST, 0), due=1.0)
    desk.schedule(kept, due=2.0)
    desk.drop({FIRST})
    assert (len(desk), desk.next_due(), desk.take_due(9.0)) == (1, 2.0, [kept])


def test_when_a_partition_has_gone_what_is_left_is_still_given_out_as_it_is_due() -> None:
    desk = Desk()
    early, late = work_at(SECOND, 0), work_at(SECOND, 1)
    for due, each in [(1.0, work_at(FIRST, 0)), (2.0, work_at(FIRST, 1)), (5.0, late), (3.0, early)]:
        desk.schedule(each, due=due)
    desk.drop({FIRST})
    assert (desk.next_due(), desk.take_due(4.0), desk.take_due(9.0)) == (3.0, [early], [late])


def test_forgetting_a_partition_that_was_never_seen_changes_nothing() -> None:
    desk = desk_with(at(FIRST, 0))
    desk.drop({SECOND})
    assert len(desk) == 1


class DeskMachine(RuleBasedStateMachine):
    """Takes on, finishes, commits and forgets in any order, beside a model that is plain sets."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.next_offset = dict.fromkeys(PARTITIONS, 0)
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.unfinished: dict[TopicPartition, list[int]] = {partition: [] for partition in PARTITIONS}

    @rule(partition=st.sampled_from(PARTITIONS), skipped=st.integers(0, 2))
    def take_on(self, partition: TopicPartition, skipped: int) -> None:
        offset = self.next_offset[partition] + skipped
        self.desk.take_on(at(partition, offset))
        self.desk.schedule(work_at(partition, offset), due=float(offset))
        self.unfinished[partition].append(offset)
        self.next_offset[partition] = offset + 1

    @precondition(lambda self: any(self.unfinished.values()))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        partition = data.draw(st.sampled_from([p for p, offsets in self.unfinished.items() if offsets]))
        offset = data.draw(st.sampled_from(self.unfinished[partition]))
        self.desk.finish([at(partition, offset)])
        self.unfinished[partition].remove(offset)

    @rule()
    def commit(self) -> None:
        for partition, offset in self.desk.committable().items():
            assert offset > self.committed[partition]
            assert all(offset <= other for other in self.unfinished[partition])
            self.committed[partition] = offset
        done = [partition for partition, offsets in self.unfinished.items() if not offsets]
        assert all(self.committed[partition] == self.next_offset[partition] for partition in done)

    @rule(partition=st.sampled_from(PARTITIONS))
    def forget(self, partition: TopicPartition) -> None:
        """The partition goes; when it comes back, it begins where it was committed."""
        self.desk.drop({partition})
        self.unfinished[partition] = []
        self.next_offset[partition] = self.committed[partition]

    @invariant()
    def counts_what_is_unfinished(self) -> None:
        assert len(self.desk) == sum(map(len, self.unfinished.values()))


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(max_examples=20, stateful_step_count=25)
