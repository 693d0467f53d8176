"""The tables that each service keeps in its own ledger database."""

from django.db import models


class Effect(models.Model):
    """What a service did for one step of one saga: its business record and its idempotency record in one row.

    `step` is "close" for the closing of a saga. `result` and `attempts` are JSON; `attempts` has those that failed.
    Times are RFC 3339 in UTC. While another attempt is to come, or what came of one is not acknowledged, `next_at` says
    when, and `request` keeps the message that asked for it with its place in the log. `version` counts the changes.
    `digest` stands for the saga's id where ledgers are compared.
    """

    saga_id = models.CharField(max_length=36)
    step = models.CharField(max_length=32)
    status = models.CharField(max_length=16)
    result = models.TextField()
    attempts = models.TextField()
    decided_at = models.CharField(max_length=32, null=True)  # noqa: DJ001 (null means not yet)
    undone_at = models.CharField(max_length=32, null=True)  # noqa: DJ001
    next_at = models.CharField(max_length=32, null=True)  # noqa: DJ001
    request = models.TextField(null=True)  # noqa: DJ001
    version = models.IntegerField()
    digest = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga_id", "step"], name="one_effect_per_step")]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="effect_due"),
            # Holds all that the auditor adds up. By id before digest, so that new rows go to the end of a group.
            models.Index(fields=["step", "status", "id", "digest"], name="effect_tally"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_id} {self.step} {self.status}"


class SagaLog(models.Model):
    """One line of the coordinator's log: append-only, `position` counts the lines of a saga. `entry` is JSON.

    The line that ends a saga also says how (`outcome`), and has the digest of the saga's id.
    """

    saga_id = models.CharField(max_length=36)
    position = models.IntegerField()
    mark = models.CharField(max_length=32)
    step = models.CharField(max_length=32, null=True)  # noqa: DJ001
    entry = models.TextField()
    at = models.CharField(max_length=32)
    outcome = models.CharField(max_length=16, null=True)  # noqa: DJ001
    digest = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga_id", "position"], name="one_entry_per_position")]
        indexes = [
            models.Index(
                fields=["outcome", "id", "digest"], condition=models.Q(outcome__isnull=False), name="log_tally"
            )
        ]

    def __str__(self) -> str:
        return f"{self.saga_id} {self.position} {self.mark}"
