"""Who joins: made-up users, and what names are taken."""

import unicodedata
from itertools import islice, pairwise

import pytest

from dashboard.errors import BadRequest
from dashboard.readmodel.people import DEPARTMENTS, made_up, user_of
from saga.messages import MAX_NAME, User

RIGHT_TO_LEFT_OVERRIDE = "\u202e"

REFUSED = {
    "empty": ("", "the name is empty"),
    "only spaces": (" \t ", "the name is empty"),
    "too long": ("x" * 1000, "the name has 1000 characters; 100 is the most"),
    "markup": ("<script>alert(1)</script>", "the name must not contain '<'"),
    "a quote that ends an attribute": ('Ada" onload="x', "the name must not contain"),
    "a backslash": ("Ada\\", "the name must not contain"),
    "a formula": ("=1+1", "the name must not begin with '='"),
    "a formula by plus": ("+1", r"the name must not begin with '\+'"),
    "a formula by minus": ("-1", "the name must not begin with '-'"),
    "a formula by at": ("@SUM(A1)", "the name must not begin with '@'"),
    "a formula after spaces": ("  =1", "the name must not begin with '='"),
    "a bell": ("Ada\x07", "the name must not contain"),
    "a null": ("Ada\x00", "the name must not contain"),
    "an escape sequence": ("\x1b[31mAda", "the name must not contain"),
    "a right-to-left override": (f"Ada{RIGHT_TO_LEFT_OVERRIDE}", "the name must not contain"),
    "a right-to-left override between letters": (f"Ada{RIGHT_TO_LEFT_OVERRIDE}Lovelace", "the name must not contain"),
    "a zero-width space": ("Ada\u200b", "the name must not contain"),
    "a joiner that joins a letter to a space": ("Ada\u200d Lovelace", "the name must not contain"),
    "a joiner that joins nothing": ("Ada \u200d", "the name must not contain"),
    "nothing but a joiner": ("\u200c", "the name must not contain"),
    "a lone surrogate": ("Ada\ud800", "the name must not contain"),
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_name_that_is_no_name_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        user_of(name, "Sales")


@pytest.mark.parametrize(("name", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_reason_can_be_shown_on_any_screen(name: str, reason: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        user_of(name, "Sales")
    assert str(refusal.value).isprintable()


def test_a_department_is_checked_like_a_name_and_called_by_its_own() -> None:
    with pytest.raises(BadRequest, match="the department must not begin with '='"):
        user_of("Ada", "=1+1")


def test_a_reason_says_which_of_many_it_was() -> None:
    with pytest.raises(BadRequest, match=r"^line 7: the name is empty"):
        user_of("", "Sales", where="line 7: ")


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "Jean-Luc O'Neill",
        "李小龙",
        "Nguyễn Thị Mai",
        "محمد",
        "علی\u200cرضا",
        "ශ්\u200dරී",
        "Ada 👩🏽\u200d💻",
        "X" * MAX_NAME,
    ],
)
def test_the_names_of_the_world_are_taken_as_they_are(name: str) -> None:
    assert user_of(name, "Sales") == User(name=name, department="Sales")


def test_white_space_in_a_name_is_tidied() -> None:
    assert user_of("  Ada \t Lovelace\n", "Sales").name == "Ada Lovelace"


def test_a_letter_in_two_characters_becomes_one() -> None:
    assert user_of("Zoe\u0308", "Sales").name == "Zoë"


def test_the_same_number_is_always_the_same_made_up_user() -> None:
    assert list(islice(made_up(3), 4)) == list(islice(made_up(0), 7))[3:]


def test_made_up_users_pass_the_check_of_names_and_are_rarely_alike() -> None:
    people = list(islice(made_up(0), 3000))
    assert all(user_of(person.name, person.department) == person for person in people)
    assert len(set(people)) > 2500


def test_neighbours_among_made_up_users_have_neither_name_in_common() -> None:
    names = [person.name.split() for person in islice(made_up(0), 200)]
    assert not any(set(one) & set(other) for one, other in pairwise(names))


def test_made_up_users_come_from_every_department() -> None:
    assert {person.department for person in islice(made_up(0), len(DEPARTMENTS))} == set(DEPARTMENTS)


def test_what_nobody_is_called_is_refused_before_its_accents_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes the square of their number, and all of the process waits."""
    with monkeypatch.context() as patched:
        patched.setattr(unicodedata, "normalize", pytest.fail)
        with pytest.raises(BadRequest, match="the name has 40001 characters"):
            user_of("a" + "\u0315\u0300" * 20_000, "Data")
