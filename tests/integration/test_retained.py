"""When old sagas are forgotten, what is left is shown as ever: dead letters, pages, counters and places."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from dashboard.errors import NotFound
from dashboard.models import Board, DeadLetter
from dashboard.readmodel import board, rescue
from dashboard.readmodel.clock import utc_now
from saga.topics import SERVICES
from tests.support.dashboard.auditor import red
from tests.support.dashboard.factories import STEPS, finish, letter, saga, say
from tests.support.dashboard.ledgers import do
from tests.support.services.house import LONG_AGO, House, counts, kept, seven_sagas

pytestmark = pytest.mark.django_db(databases=["default", *SERVICES])


@pytest.fixture
def ids() -> list[str]:
    return seven_sagas()


LETTERS = {
    "of a saga": (lambda: DeadLetter.objects.about(["s"]), "letter_about"),
    "of long ago": (lambda: DeadLetter.objects.filter(at__lt=LONG_AGO), "letter_at"),
}


@pytest.mark.parametrize(("letters", "index"), LETTERS.values(), ids=LETTERS)
def test_however_many_letters_there_are_those_that_are_sought_are_found_at_once(
    letters: Callable[[], Any], index: str
) -> None:
    if connection.vendor == "postgresql":  # it would rather read the few that are here one by one
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in letters().explain()


def test_of_letters_whose_keys_begin_alike_only_those_of_the_saga_are_its_own(ids: list[str]) -> None:
    say(letters=[letter(key=ids[0]), letter(key=f"{ids[0]}{'x' * 5000}", offset=18)])
    assert [one.key for one in DeadLetter.objects.about([ids[0]])] == [ids[0]]


class TestDeadLetters:
    def test_those_of_a_saga_go_with_it(self, house: House, ids: list[str]) -> None:
        say(letters=[letter(key=ids[0]), letter(key=ids[5], offset=18)])
        house.forget(sagas=2)
        assert DeadLetter.objects.get().key == ids[5]

    @pytest.mark.parametrize("key", [None, 0], ids=["of no saga", "of a forgotten saga"])
    def test_pages_hear_that_there_are_fewer(self, house: House, ids: list[str], key: int | None) -> None:
        say(letters=[letter(key=None if key is None else ids[key])])
        seen = board.changes(after=0, limit=100)
        assert seen
        house.forget(sagas=2, days=7)
        view = board.changes(after=seen.seq, limit=100)
        assert view
        assert view.counters["dead_letters"] == 0

    def test_while_a_saga_is_being_forgotten_none_of_its_messages_can_be_sent_again(
        self, house: House, ids: list[str]
    ) -> None:
        say(letters=[letter(key=ids[0])])
        found = DeadLetter.objects.get()
        house.stop("notifier")
        house.forget(sagas=2)
        assert counts() == (4, 0)
        with pytest.raises(NotFound):
            rescue.replay(found.id, None)

    @pytest.mark.parametrize("replayed_at", [None, utc_now()], ids=["is to be sent", "was sent a moment ago"])
    def test_a_saga_of_which_something_is_sent_again_is_kept_for_a_while(
        self, house: House, ids: list[str], replayed_at: str | None
    ) -> None:
        say(letters=[letter(key=ids[1])])
        DeadLetter.objects.update(replay="x", replayed_at=replayed_at)
        house.forget(sagas=2)
        assert kept() == ids[1:]
        DeadLetter.objects.update(replayed_at=LONG_AGO)
        house.forget(sagas=2)
        assert kept() == ids[4:]

    def test_those_of_no_saga_are_deleted_when_they_are_old(self, house: House, ids: list[str]) -> None:
        strays = [letter(key=None), letter(key="nobody", offset=18), letter(key="nobody", offset=19, at=utc_now())]
        say(letters=[*strays, letter(key=ids[6], offset=20)])
        house.forget(days=7)
        assert list(DeadLetter.objects.order_by("id").values_list("offset", flat=True)) == [19, 20]


class TestThePage:
    def test_whoever_asks_for_older_ones_gets_what_is_left(self, house: House, ids: list[str]) -> None:
        _, older = board.page(before=None, filters=Q(), limit=2)
        house.forget(sagas=2)
        rows, following = board.page(before=older, filters=Q(), limit=2)
        assert ([row["saga_id"] for row in rows], following) == ([ids[4]], None)

    def test_whoever_asks_for_those_that_are_gone_gets_none(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=2)
        assert board.page(before=3, filters=Q(), limit=2) == ([], None)

    def test_whoever_was_away_is_told_what_changed_of_those_that_are_left(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=2)
        view = board.changes(after=0, limit=100)
        assert view
        assert {row["saga_id"] for row in view.sagas} == set(ids[4:])
        assert view.seq == Board.current().seq

    def test_the_counters_go_on_counting_all_there_ever_were(self, house: House, ids: list[str]) -> None:
        before = board.snapshot(trace=True).counters
        house.forget(sagas=2)
        assert board.snapshot(trace=True).counters == before
        assert (before["accepted"], before["completed"]) == (7, 6)

    def test_places_go_on_where_they_were(self, house: House, ids: list[str]) -> None:
        house.forget(sagas=1)
        do(ids[6], *STEPS[1:])
        finish(ids[6])
        assert (saga(ids[6]).finished, saga(ids[6]).overtook, saga(ids[6]).overtaken) == (7, 0, 0)
        assert red() == {}
