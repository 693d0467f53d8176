"""A class list: CSV text with a name and a department a line."""

import csv
import io

from dashboard.errors import BadRequest, TooLarge
from dashboard.readmodel.people import DEPARTMENTS, user_of
from saga.messages import User

MAX_BYTES = 1024 * 1024
MAX_USERS = 10_000


def parse(content: bytes) -> list[User]:
    """Return the users of a CSV file in UTF-8; a header line is skipped, a missing department is chosen in turn.

    Raises TooLarge or BadRequest, which names the line.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"the list has {len(content):,} bytes; {MAX_BYTES:,} is the most")
    rows = _rows(_text(content))
    if rows and rows[0][1][0].lower() == "name":
        rows = rows[1:]
    if not rows:
        raise BadRequest("the list is empty: give a name and a department on each line")
    if len(rows) > MAX_USERS:
        raise BadRequest(f"the list has {len(rows):,} users; {MAX_USERS:,} is the most")
    return [_user(number, row) for number, row in rows]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadRequest(f"line {line} is not UTF-8: save the list as UTF-8 and try again") from error


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, each with the number of its line, the last one where it has several."""
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=_delimiter(text), strict=True)
    try:
        rows = [(reader.line_num, _cells(row)) for row in reader]
    except csv.Error as error:
        raise BadRequest(f"line {reader.line_num} is not CSV: {error}") from error
    return [(number, row) for number, row in rows if row]


def _cells(row: list[str]) -> list[str]:
    """Return the cells up to the last one that holds anything: spreadsheets write empty ones after it."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _delimiter(text: str) -> str:
    """Return what stands between cells. Where names hold commas, the first line with one kind of mark alone tells."""
    # What is copied out of a spreadsheet has tabs; where the comma stands in numbers, files have semicolons.
    if "\t" in text:
        return "\t"
    marks = ({mark for mark in ",;" if mark in line} for line in text.splitlines())
    return next((found.pop() for found in marks if len(found) == 1), ",")


def _user(number: int, row: list[str]) -> User:
    if len(row) > 2:
        raise BadRequest(f"line {number}: expected a name and a department, found {len(row)} cells")
    department = row[1] if len(row) == 2 else DEPARTMENTS[number % len(DEPARTMENTS)]
    return user_of(row[0], department, where=f"line {number}: ")
