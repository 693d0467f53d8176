"""Tallies tell sets of sagas apart, whoever adds them up."""

from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from saga.digests import Tally, digest_of, tally_of

IDS = st.lists(st.uuids(version=4).map(str), max_size=20)


def test_the_digest_of_an_id_never_changes() -> None:
    """They are kept in databases, so another way to make them would need every row to be written anew."""
    assert digest_of("saga-1") == 7465918833341007384


@given(st.uuids())
def test_a_digest_fits_into_the_integers_of_every_database(saga_id: UUID) -> None:
    assert 0 <= digest_of(str(saga_id)) < 2**63


@given(IDS, IDS)
def test_two_sets_have_the_same_tally_only_if_they_are_the_same(one: list[str], other: list[str]) -> None:
    assert (tally_of(map(digest_of, one)) == tally_of(map(digest_of, other))) == (sorted(one) == sorted(other))


@given(IDS)
def test_one_that_is_there_twice_is_noticed(saga_ids: list[str]) -> None:
    assume(saga_ids)
    digests = [digest_of(saga_id) for saga_id in saga_ids]
    assert tally_of([*digests, digests[0]]) != tally_of(digests)


@given(IDS, IDS)
def test_what_is_added_can_be_taken_away(one: list[str], other: list[str]) -> None:
    first, second = tally_of(map(digest_of, one)), tally_of(map(digest_of, other))
    assert first.plus(second) == tally_of(map(digest_of, one + other))
    assert first.plus(second).minus(second) == first
    assert first.minus(first) == Tally()
