"""A class list: what is taken, and what is refused, naming the line."""

import pytest

from dashboard.errors import BadRequest, TooLarge
from dashboard.readmodel.people import DEPARTMENTS
from dashboard.web import roster
from saga.messages import User

ADA = User(name="Ada Lovelace", department="Engineering")
ALAN = User(name="Alan Turing", department="Data")

TAKEN = {
    "commas": "Ada Lovelace,Engineering\nAlan Turing,Data\n",
    "no newline at the end": "Ada Lovelace,Engineering\nAlan Turing,Data",
    "Windows newlines": "Ada Lovelace,Engineering\r\nAlan Turing,Data\r\n",
    "old Macintosh newlines": "Ada Lovelace,Engineering\rAlan Turing,Data\r",
    "semicolons": "Ada Lovelace;Engineering\nAlan Turing;Data\n",
    "cells of a spreadsheet": "Ada Lovelace\tEngineering\nAlan Turing\tData\n",
    "a header": "Name,Department\nAda Lovelace,Engineering\nAlan Turing,Data\n",
    "a byte order mark and a header": "\ufeffname,department\nAda Lovelace,Engineering\nAlan Turing,Data\n",
    "blank lines": "\nAda Lovelace,Engineering\n\n,\n  \nAlan Turing,Data\n\n",
    "empty cells at the end": "Ada Lovelace,Engineering,,\nAlan Turing,Data,\n",
    "quotes": '"Ada Lovelace","Engineering"\n"Alan Turing",Data\n',
    "spaces around": "  Ada Lovelace , Engineering\nAlan Turing,  Data\n",
}

REFUSED = {
    "nothing": (b"", "the list is empty"),
    "only a header": (b"name,department\n", "the list is empty"),
    "Latin-1": ("Ada,Sales\nZoë,Sales\n".encode("latin-1"), "line 2 is not UTF-8"),
    "UTF-16": ("Ada,Sales\n".encode("utf-16"), "line 1 is not UTF-8"),
    "text after a quote": (b'Ada,Sales\n"Al" an,Sales\n', "line 2 is not CSV"),
    "a quote that never ends": (b'Ada,Sales\n"Alan,Sales\n', "is not CSV"),
    "three cells": (b"Ada,Sales\nAlan,Turing,Data\n", "line 2: expected a name and a department, found 3 cells"),
    "no name": (b"Ada,Sales\n,Sales\n", "line 2: the name is empty"),
    "markup": (b"Ada,Sales\n\n<b>Alan</b>,Sales\n", "line 3: the name must not contain '<'"),
    "a formula": (b"Ada,=cmd()\n", "line 1: the department must not begin with '='"),
    "a null": (b"Ada\0,Sales\n", "line 1: the name must not contain"),
    "a bad line after a cell of two lines": (b'"Ada\nLovelace",Sales\n=1,Sales\n', "line 3: the name must not begin"),
    "10,001 users": (b"Ada,Sales\n" * 10_001, "the list has 10,001 users; 10,000 is the most"),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_a_list_is_taken_however_it_was_saved(text: str) -> None:
    assert roster.parse(text.encode()) == [ADA, ALAN]


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_list_is_refused_and_its_line_named(content: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        roster.parse(content)


SURNAMES_FIRST = [User(name="Lovelace, Ada", department="Sales"), User(name="Turing, Alan", department="Data")]
WITH_COMMAS = {
    "a header tells": "name;department\nLovelace, Ada;Sales\nTuring, Alan;Data\n",
    "a header and quotes": 'name;department\n"Lovelace, Ada";Sales\n"Turing, Alan";Data\n',
    "quotes between commas": '"Lovelace, Ada",Sales\n"Turing, Alan",Data\n',
}


@pytest.mark.parametrize("text", WITH_COMMAS.values(), ids=WITH_COMMAS)
def test_a_name_may_hold_a_comma(text: str) -> None:
    assert roster.parse(text.encode()) == SURNAMES_FIRST


def test_a_department_may_hold_a_semicolon() -> None:
    users = roster.parse(b"name,department\nAda,R;D\nAlan,Data\n")
    assert [user.department for user in users] == ["R;D", "Data"]


def test_the_largest_list_is_taken() -> None:
    assert len(roster.parse(b"name,department\n" + b"Ada,Sales\n" * 10_000)) == 10_000


def test_a_list_beyond_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(TooLarge, match="1,048,577 bytes; 1,048,576 is the most"):
        roster.parse(b"\xff" * (roster.MAX_BYTES + 1))


def test_who_has_no_department_is_given_one_in_turn() -> None:
    users = roster.parse(b"Ada\nAlan,\nGrace\n")
    assert len({user.department for user in users} & set(DEPARTMENTS)) == 3
