from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0005_trace_id")]

    operations = [
        migrations.CreateModel(
            name="Figures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("counts", models.TextField(default="{}")),
            ],
        ),
    ]
