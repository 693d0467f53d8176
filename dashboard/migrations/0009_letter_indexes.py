from django.db import migrations, models

from dashboard.models import Start


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0008_letter_time")]

    operations = [
        migrations.AddIndex(model_name="deadletter", index=models.Index(Start("key"), name="letter_about")),
        migrations.AddIndex(model_name="deadletter", index=models.Index(fields=["at"], name="letter_at")),
    ]
