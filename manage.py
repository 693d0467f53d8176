#!/usr/bin/env python
"""Every command of the project: `manage.py run` starts all of it, the others one part each."""

import gc
import os
import sys

from workshop import leash
from workshop.config import ConfigError

# Nearly all that is made, in starting as in running, dies at once or stays: looking for circles less often than after
# every 700 objects spares a twentieth of the work.
GC_THRESHOLDS = (10_000, 20, 20)


def main() -> None:
    gc.set_threshold(*GC_THRESHOLDS)
    leash.hold()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workshop.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.stderr.writelines(f"{mistake}\n" for mistake in error.mistakes)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
