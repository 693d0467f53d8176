from django.db import migrations, models

UNFED = models.Q(finished=None, fed_offset=None)
UNDER_WAY = models.Q(finished=None, fed_offset__isnull=False)


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0009_letter_indexes")]

    operations = [
        migrations.RemoveIndex(model_name="saga", name="saga_unfed"),
        migrations.RemoveIndex(model_name="saga", name="saga_under_way"),
        migrations.AddIndex("saga", models.Index(fields=["number"], condition=UNFED, name="saga_unfed")),
        migrations.AddIndex("saga", models.Index(fields=["number"], condition=UNDER_WAY, name="saga_under_way")),
    ]
