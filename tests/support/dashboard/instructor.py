"""An instructor, and all that nobody else may do."""

import base64
import json
from typing import Any

from django.test import Client

from tests.support.dashboard.refusals import JSON, token

PASSWORD = "open sesame"
ACTS: dict[str, tuple[str, str, Any]] = {
    "stop a service": ("patch", "/api/services/notifier", {"running": False}),
    "slow it down": ("patch", "/api/services/notifier", {"lag_ms": [5, 6]}),
    "break it": ("patch", "/api/services/notifier", {"faults": {"drop_rate": 1}}),
    "kill it": ("post", "/api/services/notifier/kill", {}),
    "clear all faults": ("delete", "/api/faults", {}),
    "replay a dead letter": ("post", "/api/dead-letters/1/replay", {}),
    "retry": ("post", "/api/sagas/known/retry", {}),
    "retry all that is stuck": ("post", "/api/sagas/retry", {}),
    "roll back": ("post", "/api/sagas/known/roll-back", {}),
    "resolve": ("post", "/api/sagas/known/resolution", {"step": "notify"}),
    "start sagas that fail": ("post", "/api/sagas", {"faults": {"notify": {}}}),
}


def basic(password: str = PASSWORD, user: str = "instructor") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def do(client: Client, act: str, **headers: str) -> Any:
    method, address, body = ACTS[act]
    return getattr(client, method)(address, json.dumps(body), content_type=JSON, headers=headers)


def log_in(browser: Client, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/login/", {"password": password, **token(browser), **more})
