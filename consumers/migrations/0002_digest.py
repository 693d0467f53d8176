"""Digests for the rows that are there already, and the indexes that let an auditor add them up."""

import json
from typing import Any

from django.db import migrations, models

from saga.digests import digest_of


def fill_effects(apps: Any, schema_editor: Any) -> None:
    effect = apps.get_model("consumers", "Effect").objects.using(schema_editor.connection.alias)
    rows = ((digest_of(saga_id), id) for id, saga_id in list(effect.values_list("id", "saga_id")))
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany("UPDATE consumers_effect SET digest = %s WHERE id = %s", rows)


def fill_ends(apps: Any, schema_editor: Any) -> None:
    log = apps.get_model("consumers", "SagaLog").objects.using(schema_editor.connection.alias)
    ends = list(log.filter(mark="end saga").values_list("id", "saga_id", "entry"))
    rows = ((json.loads(entry)["end"], digest_of(saga_id), id) for id, saga_id, entry in ends)
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany("UPDATE consumers_sagalog SET outcome = %s, digest = %s WHERE id = %s", rows)


class Migration(migrations.Migration):
    dependencies = [
        ("consumers", "0001_initial"),
    ]

    operations = [
        migrations.AddField("effect", "digest", models.BigIntegerField(default=0), preserve_default=False),
        migrations.AddField("sagalog", "outcome", models.CharField(max_length=16, null=True)),
        migrations.AddField("sagalog", "digest", models.BigIntegerField(null=True)),
        migrations.RunPython(fill_effects, migrations.RunPython.noop),
        migrations.RunPython(fill_ends, migrations.RunPython.noop),
        migrations.AddIndex("effect", models.Index(fields=["step", "status", "id", "digest"], name="effect_tally")),
        migrations.AddIndex(
            "sagalog",
            models.Index(
                fields=["outcome", "id", "digest"], condition=models.Q(("outcome__isnull", False)), name="log_tally"
            ),
        ),
    ]
