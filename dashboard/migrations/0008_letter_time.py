from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0007_board_run")]

    operations = [
        migrations.RemoveConstraint(model_name="deadletter", name="one_letter_per_place"),
        migrations.AddField(
            model_name="deadletter",
            name="written_at",
            field=models.BigIntegerField(default=0, db_default=0),
        ),
        migrations.AddConstraint(
            model_name="deadletter",
            constraint=models.UniqueConstraint(
                fields=["topic", "partition", "offset", "written_at"], name="one_letter_per_place_and_time"
            ),
        ),
    ]
