from django.db import migrations, models

from saga.digests import digest_of


def fill_digests(apps, schema_editor):
    sagas = apps.get_model("dashboard", "Saga").objects
    rows = ((digest_of(saga_id), number) for number, saga_id in list(sagas.values_list("number", "saga_id")))
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany("UPDATE dashboard_saga SET digest = %s WHERE number = %s", rows)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0003_lease"),
    ]

    operations = [
        migrations.AddField("board", "forgotten", models.BigIntegerField(default=0)),
        migrations.AddField("board", "pruned", models.BigIntegerField(default=0)),
        migrations.AddField("saga", "digest", models.BigIntegerField(default=0), preserve_default=False),
        migrations.RunPython(fill_digests, migrations.RunPython.noop),
        migrations.AddIndex(
            "saga",
            models.Index(fields=["finished"], condition=models.Q(("finished__isnull", False)), name="saga_finished"),
        ),
        migrations.AddIndex(
            "saga",
            models.Index(
                fields=["status", "scenario", "style", "finished", "digest"],
                condition=models.Q(("finished__isnull", False)),
                name="saga_tally",
            ),
        ),
    ]
