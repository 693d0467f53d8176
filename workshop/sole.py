"""Without Redis, one web process on a read model: a second one would hear nothing of the first.

What says so is held as long as the process lives and is gone with it, however it ends. A PostgreSQL that is started
again forgets it: whoever comes second then is let in, and each of the two looks for news once a second.
"""

import os
import time
from collections.abc import Callable
from functools import partial

from django.db import connections

from workshop.config import Config
from workshop.databases import READ_MODEL
from workshop.state import try_lock

LOCK_NAME = "web.lock"
# A number that no other program should use on this database.
LOCK_KEY = int.from_bytes(b"saga.web")
PATIENCE_S = 2.0
"""How long it may take until the lock of a process that was killed is gone."""
# PostgreSQL asks for hours whether a client is still there whose machine has lost its power.
NOTICE_LOSS = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"


class ReadModelTaken(Exception):
    """Raised when another web process uses the read model, and no Redis tells the two of each other."""


def claim(config: Config) -> object:
    """Return what must be kept for as long as this process lives. Raises ReadModelTaken."""
    held, place = _in_database() if config.database_url else _in_file(config)
    deadline = time.monotonic() + PATIENCE_S
    while not held():
        if time.monotonic() > deadline:
            raise ReadModelTaken(
                f"Another web process uses the read model in {place}: stop it, or set REDIS_URL for both."
            )
        time.sleep(0.1)
    return held


def _in_file(config: Config) -> tuple[Callable[[], bool], str]:
    config.state_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(config.state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    return partial(try_lock, descriptor), str(config.state_dir)


def _in_database() -> tuple[Callable[[], bool], str]:
    connection = connections.create_connection(READ_MODEL)  # of its own: the lock ends with it
    with connection.cursor() as cursor:
        cursor.execute(NOTICE_LOSS)

    def held() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
            return bool(cursor.fetchone()[0])

    return held, "PostgreSQL"
