"""What models are asked by name, in the words of their indexes."""

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models.functions import Length

# So said wherever they are looked up: SQLite proves of no other words that an index holds what they ask for.
UNFED = models.Q(finished=None, fed_offset=None)
UNDER_WAY = models.Q(finished=None, fed_offset__isnull=False)


class Sagas(models.QuerySet[Any]):
    def unfed(self) -> "Sagas":
        """Return those that are to be sent."""
        return self.filter(UNFED)

    def under_way(self) -> "Sagas":
        """Return those that were sent and have not ended."""
        return self.filter(UNDER_WAY)


LONGEST_ID = 36


class Start(models.Func):
    """As much of a text as a saga's id can have. PostgreSQL's indexes hold no text of any length."""

    template = f"SUBSTR(%(expressions)s, 1, {LONGEST_ID})"


class Letters(models.QuerySet[Any]):
    def about(self, saga_ids: Collection[str]) -> "Letters":
        """Return those of these sagas: a letter's key is the id of its saga, or whatever its sender made of it."""
        whole = {"start__in": saga_ids, "length__lte": LONGEST_ID}
        found: Letters = self.alias(start=Start("key"), length=Length("key")).filter(**whole)
        return found
