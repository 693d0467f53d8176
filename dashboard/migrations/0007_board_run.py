from django.db import migrations, models

from dashboard.models import random_name


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0006_figures")]

    operations = [
        migrations.AddField(
            model_name="board",
            name="run",
            field=models.CharField(default=random_name, max_length=32),
        ),
    ]
