"""Imported by the fork server alone, before anything else: see `workshop.supervisor.copies`."""

import gc
import os

# Ctrl-C in the terminal is for the supervisor alone; its end is what the fork server ends by.
os.setsid()
# The collector would write to all that is shared, and so copy it.
os.register_at_fork(before=gc.freeze)
