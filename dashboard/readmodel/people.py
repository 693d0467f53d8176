"""Who joins: made-up users in a fixed order, and what a name must look like."""

import re
import unicodedata
from collections.abc import Iterator

from dashboard.errors import BadRequest
from saga.messages import MAX_NAME, User

# The department of somebody who only travels.
TRAVELLER = "Travel"
DEPARTMENTS = ("Engineering", "Sales", "Design", "Support", "Finance", "Marketing", "People", "Data")

_FIRST = (
    "Ada Alan Amara Anders Anika Arjun Aylin Beatriz Bjarne Carmen Chidi Clara Dana Daniel Dmitri Edsger Elena Emeka "
    "Emil Farah Femi Fiona Frances Gita Grace Hana Hassan Hedy Ingrid Iris Ivan Jana Jamal Joan John Juana Kai Karen "
    "Katherine Kenji Lars Leila Leslie Lin Lucia Malik Margaret Maria Mateo Mei Mila Nadia Niels Noor Olga Omar Pavel "
    "Priya Radia Rafael Rosa Sam Sana Sofia Sven Tariq Tim Tomás Uma Vera Viktor Wanda Wei Yara Yuki Zoë"
).split()
_LAST = (
    "Abara Almeida Andersson Bakker Becker Berg Castro Chen Costa Diaz Dubois Eriksen Ferreira Fischer Fontaine Gupta "
    "Haddad Hansen Hopper Ibarra Ivanova Jansen Jensen Johnson Kato Keller Khan Kim Kowalski Kumar Lamarr Larsen "
    "Lovelace Malik Mendes Meyer Moreau Nakamura Ndiaye Nguyen Novak Okafor Olsen Ortiz Park Patel Perlman Petrov "
    "Quintero Rahman Reyes Romero Rossi Sato Schmidt Silva Singh Suzuki Tanaka Turing Vargas Virtanen Weber Wright "
    "Yamada Yılmaz Zhang"
).split()
_STRIDE = 31  # shares no factor with either list, so that neighbours differ in both names

# Before white space is tidied and accents joined to their letters. To join them takes the square of their number.
LONGEST_TYPED = 4 * MAX_NAME
_FORMULA_START = ("=", "+", "-", "@")
_JOINERS = "\u200c\u200d"
_FORBIDDEN = re.compile(r"[<>\"`{}\\|^~]")


def made_up(first: int) -> Iterator[User]:
    """Yield users without end, beginning with number `first`; each number is always the same person."""
    number = first
    while True:
        given = _FIRST[number * _STRIDE % len(_FIRST)]
        family = _LAST[(number * _STRIDE + number // len(_FIRST)) % len(_LAST)]
        yield User(name=f"{given} {family}", department=DEPARTMENTS[number * 5 % len(DEPARTMENTS)])
        number += 1


def user_of(name: str, department: str, *, where: str = "") -> User:
    """Return the user, white space tidied. Raises BadRequest; `where` says which one of many it was."""
    return User(name=_checked(name, f"{where}the name"), department=_checked(department, f"{where}the department"))


def _checked(text: str, what: str) -> str:
    """Names of people and departments are words. What looks like markup or a spreadsheet formula is neither."""
    if len(text) > LONGEST_TYPED:
        raise BadRequest(f"{what} has {len(text)} characters; {MAX_NAME} is the most")
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy:
        raise BadRequest(f"{what} is empty")
    if len(tidy) > MAX_NAME:
        raise BadRequest(f"{what} has {len(tidy)} characters; {MAX_NAME} is the most")
    if tidy.startswith(_FORMULA_START):
        raise BadRequest(f"{what} must not begin with {tidy[0]!r}: a spreadsheet would take it for a formula")
    if bad := _FORBIDDEN.search(tidy) or _control_character(tidy):
        raise BadRequest(f"{what} must not contain {bad.group()!r}")
    return tidy


def _control_character(text: str) -> re.Match[str] | None:
    # Categories Cc, Cf and Cs: control characters, invisible ones such as "right-to-left override", lone surrogates.
    for position, character in enumerate(text):
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and not _is_joiner(text, position):
            return re.compile(r"(?s).").match(text, position)
    return None


def _is_joiner(text: str, position: int) -> bool:
    """Has it zero width between two letters, as in Persian or Sinhala, or between two pictures that make one?"""
    neighbours = text[max(position - 1, 0) : position], text[position + 1 : position + 2]
    return text[position] in _JOINERS and all(one and unicodedata.category(one)[0] in "LMS" for one in neighbours)
