"""The one row of the board."""

from django.db import migrations


def make_board(apps, schema_editor):
    apps.get_model("dashboard", "Board").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0001_initial")]
    operations = [migrations.RunPython(make_board, migrations.RunPython.noop)]
