"""No process outlives the one that started it.

The supervisor holds the writing end of a pipe that is every child's standard input. However the supervisor ends,
`kill -9` included, the system closes that pipe, and each child reads the end of its input.
"""

import os
import signal
import threading
import time

VARIABLE = "WORKSHOP_LEASH"
GRACE_S = 5.0


def hold() -> None:
    """End this process when its standard input ends, if whoever started it asked for that."""
    # Taken out, so that what this process starts does not read the same pipe.
    if os.environ.pop(VARIABLE, None) == "stdin":
        threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()


def _end_with_parent() -> None:
    # Not sys.stdin: a thread inside its buffer makes the interpreter abort when it shuts down.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
