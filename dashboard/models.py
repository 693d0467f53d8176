"""The read model: rows that are ready to be shown.

Every change of a visible row takes the next number of one sequence (`Board.seq`) inside the transaction that makes the
change. Whoever has seen everything up to N asks for all rows with a higher `seq`: no gap, no repeat.
"""

from uuid import uuid4

from django.db import models

from dashboard.querysets import UNDER_WAY, UNFED, Letters, Sagas, Start


def random_name() -> str:
    return uuid4().hex


class Board(models.Model):
    """One row: the sequence, and the counters. Whoever writes sagas locks it first, so that all writes have one order.

    Two do not: the relay, when it notes where a saga's message stands, and whoever sets deadlines anew.

    Ended sagas are forgotten in the order of finishing: up to the place `forgotten` the services are being told, up to
    the place `pruned` nobody knows them any more, so `pruned` is also how many that are. `run` tells this board from
    another one, which counts from zero as well.
    """

    run = models.CharField(max_length=32, default=random_name)
    seq = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    ended = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0)
    compensated = models.BigIntegerField(default=0)
    out_of_order = models.BigIntegerField(default=0)
    dead_letters = models.BigIntegerField(default=0)
    forgotten = models.BigIntegerField(default=0)
    pruned = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"board at {self.seq}"

    @classmethod
    def current(cls) -> "Board":
        """Return the board as it is; before the first change it is all zeros, nameless, and in no table."""
        return cls.objects.first() or cls(pk=1, run="")

    @classmethod
    def locked(cls) -> "Board":
        """Return the board, held until the transaction ends."""
        board, _ = cls.objects.select_for_update().get_or_create(pk=1)
        return board

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq


class Saga(models.Model):
    """One saga: what was accepted, where it stands, and what is with the broker. `digest` stands for its id.

    `number` counts accepted sagas from 1, `finished` ended ones. `overtook` is how many that started earlier were
    still running when this one ended, `overtaken` how many that started later had ended already. `faults` and `state`
    (`saga.state.SagaState`) are JSON; `status`, `reason` and `ended_at` follow from `state`. `progress_at` is when it
    last got anywhere, `stuck_at` when it was first found that it does not. `trace_id` is the trace of whoever asked for
    the saga, if that one had any; else the saga is a trace of its own.

    The outbox: `round` counts how often somebody wanted it driven on, `roll_back_hop` says that it shall be rolled
    back, and at which hop that was said, `resolved_step` which step a person has last undone by hand. `fed_*` is where
    the message stands that says so; while `fed_offset` is null, it is to be sent.
    """

    number = models.BigIntegerField(primary_key=True)
    saga_id = models.CharField(max_length=36, unique=True)
    digest = models.BigIntegerField()
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
    faults = models.TextField(default="{}")
    trace_id = models.CharField(max_length=32, null=True)  # noqa: DJ001
    state = models.TextField()
    progress_at = models.CharField(max_length=32, null=True)  # noqa: DJ001
    stuck_at = models.CharField(max_length=32, null=True)  # noqa: DJ001
    round = models.IntegerField(default=1)
    roll_back_hop = models.IntegerField(null=True)
    resolved_step = models.CharField(max_length=32, null=True)  # noqa: DJ001
    fed_topic = models.CharField(max_length=249, null=True)  # noqa: DJ001
    fed_partition = models.IntegerField(null=True)
    fed_offset = models.BigIntegerField(null=True)
    seq = models.BigIntegerField(unique=True)

    objects = Sagas.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["number"], condition=models.Q(finished=None), name="saga_unfinished"),
            models.Index(fields=["number"], condition=UNFED, name="saga_unfed"),
            models.Index(fields=["number"], condition=UNDER_WAY, name="saga_under_way"),
            models.Index(fields=["number"], condition=models.Q(status="stuck"), name="saga_stuck"),
            models.Index(fields=["finished"], condition=models.Q(finished__isnull=False), name="saga_finished"),
            # Holds all that the auditor adds up, written once for each saga.
            models.Index(
                fields=["status", "scenario", "style", "finished", "digest"],
                condition=models.Q(finished__isnull=False),
                name="saga_tally",
            ),
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
    """A message that some service could not process, once per place in the log, and time at which it was written there.

    `replay` is the message, corrected or not, that shall be sent in its place; `replayed_at` is when it was.
    """

    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    written_at = models.BigIntegerField(default=0, db_default=0)  # in an upgrade, older processes do not write it
    service = models.CharField(max_length=100)
    reason = models.TextField()
    key = models.TextField(null=True)  # noqa: DJ001
    value = models.TextField(null=True)  # noqa: DJ001
    at = models.CharField(max_length=32)
    replay = models.TextField(null=True)  # noqa: DJ001
    replayed_at = models.CharField(max_length=32, null=True)  # noqa: DJ001

    objects = Letters.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "partition", "offset", "written_at"], name="one_letter_per_place_and_time"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(replay__isnull=False, replayed_at=None), name="letter_to_replay"
            ),
            models.Index(Start("key"), name="letter_about"),
            models.Index(fields=["at"], name="letter_at"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}: {self.reason}"


class Service(models.Model):
    """A service: what it is asked to be, and how it was seen.

    `faults` are the rules that are on, `orders` what single instances shall do once, and have not been told yet.
    """

    name = models.CharField(max_length=32, primary_key=True)
    running = models.BooleanField(default=True)
    lag_low_ms = models.IntegerField()
    lag_high_ms = models.IntegerField()
    faults = models.JSONField(default=dict)
    orders = models.JSONField(default=list)
    view = models.JSONField(default=dict)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name


class Figures(models.Model):
    """One row: what was counted since the read model is there. `counts` is JSON, see `dashboard.readmodel.figures`."""

    counts = models.TextField(default="{}")

    def __str__(self) -> str:
        return f"figures: {self.counts}"


class BackstageReport(models.Model):
    """What a backstage in a process of its own last said of its parts: `parts` is JSON.

    `said_at` is by the clock of the database, which is the same for whoever wrote it and whoever asks.
    """

    instance = models.CharField(max_length=100, primary_key=True)
    parts = models.TextField()
    said_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.instance} at {self.said_at}"


class Lease(models.Model):
    """Who alone may do what only one process may: `holder`, until a moment by the clock of the database."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=100)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} until {self.until}"
