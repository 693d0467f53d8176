"""Fingerprints of sets of sagas: three numbers that tell whether two databases hold the same ones.

Each database adds up the digests of its own rows, so that a million of them need not travel to be compared (the idea
behind the anti-entropy of Demers and others, "Epidemic Algorithms for Replicated Database Maintenance", 1987).
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

# As SQL, over a column `digest`: sums of its halves, which no database's integers overflow below 2**31 rows.
TALLY_SQL = "COUNT(*), COALESCE(SUM(digest & 2147483647), 0), COALESCE(SUM(digest >> 31), 0)"
_HALF_BITS = 31


def digest_of(saga_id: str) -> int:
    """Return 63 bits that stand for a saga id. They are kept in every row about the saga, and must never change."""
    return int.from_bytes(blake2b(saga_id.encode(), digest_size=8).digest(), "big") >> 1


class Tally(NamedTuple):
    """How many `rows` there are, and the sums of the halves of their digests.

    Two different sets of rows have the same tally with a probability of about one in 2**60.
    """

    rows: int = 0
    low: int = 0
    high: int = 0

    def plus(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, self.low + other.low, self.high + other.high)

    def minus(self, other: "Tally") -> "Tally":
        return Tally(self.rows - other.rows, self.low - other.low, self.high - other.high)


def tally_of(digests: Iterable[int]) -> Tally:
    """Return the tally of rows that are at hand, as the databases count theirs."""
    rows = low = high = 0
    for digest in digests:
        rows += 1
        low += digest & (2**_HALF_BITS - 1)
        high += digest >> _HALF_BITS
    return Tally(rows, low, high)
