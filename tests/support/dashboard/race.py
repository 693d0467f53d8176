"""Wishes that come at the same moment, each from a thread of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from dashboard.errors import DashboardError


def together(*wishes: Callable[[], Any]) -> list[DashboardError]:
    """Let each come from a thread of its own, all at the same moment, and return what was refused."""
    start = threading.Barrier(len(wishes))
    refusals: list[DashboardError] = []

    def wish_for(wish: Callable[[], Any]) -> None:
        start.wait(20)
        try:
            wish()
        except DashboardError as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=wish_for, args=(wish,)) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return refusals
