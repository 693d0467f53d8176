"""What every service loads, in one import: the supervisor does it once for all of them."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workshop.settings")
django.setup()

import workshop.management.commands.consume  # noqa: E402, F401  models can be loaded now
