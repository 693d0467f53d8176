from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0004_retention")]

    operations = [
        migrations.AddField(model_name="saga", name="trace_id", field=models.CharField(max_length=32, null=True)),
    ]
