"""The read model: rows that are ready to be shown.

Every change of a visible row takes the next number of one sequence (`Board.seq`) inside the transaction that makes the
change. Whoever has seen everything up to N asks for all rows with a higher `seq`: no gap, no repeat.
"""

from django.db import models


class Board(models.Model):
    """One row: the sequence, and the counters. Locking it puts all writers of the read model in one order."""

    seq = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    ended = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0)
    out_of_order = models.BigIntegerField(default=0)
    dead_letters = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"board at {self.seq}"

    @classmethod
    def current(cls) -> "Board":
        """Return the board as it is; before the first change it is all zeros, and in no table."""
        return cls.objects.first() or cls(pk=1)

    @classmethod
    def locked(cls) -> "Board":
        """Return the board, held until the transaction ends."""
        board, _ = cls.objects.select_for_update().get_or_create(pk=1)
        return board

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq


class Saga(models.Model):
    """One saga: what was accepted, where it stands, and (`fed_*`) whether its first message is with the broker.

    `number` counts accepted sagas from 1, `finished` ended ones. `overtook` is how many that started earlier were
    still running when this one ended, `overtaken` how many that started later had ended already. `steps` is JSON.
    """

    number = models.BigIntegerField(primary_key=True)
    saga_id = models.CharField(max_length=36, unique=True)
    scenario = models.CharField(max_length=32)
    style = models.CharField(max_length=16)
    user_name = models.CharField(max_length=100)
    department = models.CharField(max_length=100)
    status = models.CharField(max_length=16, default="running")
    reason = models.TextField(null=True)  # noqa: DJ001 (null means that there is none)
    started_at = models.CharField(max_length=32)
    ended_at = models.CharField(max_length=32, null=True)  # noqa: DJ001
    finished = models.BigIntegerField(null=True)
    overtook = models.BigIntegerField(null=True)
    overtaken = models.BigIntegerField(null=True)
    steps = models.TextField()
    fed_partition = models.IntegerField(null=True)
    fed_offset = models.BigIntegerField(null=True)
    seq = models.BigIntegerField(unique=True)

    class Meta:
        indexes = [
            models.Index(fields=["number"], condition=models.Q(finished=None), name="saga_unfinished"),
            models.Index(fields=["number"], condition=models.Q(fed_offset=None), name="saga_unfed"),
            models.Index(fields=["fed_offset"], condition=models.Q(finished=None), name="saga_under_way"),
        ]

    def __str__(self) -> str:
        return f"saga {self.number} ({self.status})"


class TraceRecord(models.Model):
    """A trace message as it stood on the wire. `slots` names its events, so that a repeat is not kept twice."""

    saga_id = models.CharField(max_length=36)
    slots = models.TextField()
    message = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga_id", "slots"], name="one_record_per_saying")]

    def __str__(self) -> str:
        return f"{self.saga_id} {self.slots}"


class DeadLetter(models.Model):
    """A message that some service could not process, once per place in the log."""

    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    service = models.CharField(max_length=100)
    reason = models.TextField()
    key = models.TextField(null=True)  # noqa: DJ001
    value = models.TextField(null=True)  # noqa: DJ001
    at = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "partition", "offset"], name="one_letter_per_place")]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}: {self.reason}"


class Service(models.Model):
    """A service: what it is asked to be (`running`, `lag_*`, `kill`: instances that shall die), and how it was seen."""

    name = models.CharField(max_length=32, primary_key=True)
    running = models.BooleanField(default=True)
    lag_low_ms = models.IntegerField()
    lag_high_ms = models.IntegerField()
    kill = models.JSONField(default=list)
    view = models.JSONField(default=dict)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name
