"""The table that each service keeps in its own ledger database."""

from django.db import models


class Effect(models.Model):
    """What a service did for one step of one saga: its business record and its idempotency record in one row.

    `result` is JSON. `step` is "close" for the closing of the saga. `recorded_at` is RFC 3339 in UTC, kept as it was
    first said, so that a repeat says exactly the same.
    """

    saga_id = models.CharField(max_length=36)
    step = models.CharField(max_length=32)
    status = models.CharField(max_length=16, default="done")
    result = models.TextField()
    recorded_at = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga_id", "step"], name="one_effect_per_step")]

    def __str__(self) -> str:
        return f"{self.saga_id} {self.step} {self.status}"
