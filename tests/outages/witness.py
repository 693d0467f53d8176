"""Somebody who looks at the page all the time, and remembers what it said."""

import json
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

AGAIN_S = 0.2
LOOK_EVERY_S = 0.2


class Witness:
    """Reads every frame as it comes, and connects anew when the line is cut, as a page does.

    `rows` are the sagas by id; `troubles` what is wrong by what was said last, in words by the part's name;
    `delays_s` how old each delta was when it came; `chars` how much came in all.
    """

    def __init__(self, url: str) -> None:
        self.rows: dict[str, Any] = {}
        self.troubles: dict[str, str] = {}
        self.delays_s: list[float] = []
        self.chars = 0
        self._url = url
        self._seq = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.is_set():
            with suppress(OSError, ConnectionClosed, InvalidHandshake), self._connected() as socket:
                self._read(socket)
            self._is_over.wait(AGAIN_S)

    def _connected(self) -> ClientConnection:
        return connect(f"{self._url.replace('http', 'ws', 1)}/ws/sagas/", origin=self._url, max_size=None)

    def _read(self, socket: ClientConnection) -> None:
        if self._seq:
            socket.send(json.dumps({"type": "resume", "after": self._seq}))
        while not self._is_over.is_set():
            with suppress(TimeoutError):
                self._take(str(socket.recv(timeout=LOOK_EVERY_S)))

    def _take(self, text: str) -> None:
        frame = json.loads(text)
        self.chars += len(text)
        if frame["type"] == "delta":
            self.delays_s.append(time.time() - datetime.fromisoformat(frame["now"]).timestamp())
        self.rows |= {row["saga_id"]: row for row in frame.get("sagas", ())}
        self._seq = max(self._seq, frame.get("seq", 0))
        if "health" in frame:
            self.troubles = {part["name"]: part["detail"] for part in frame["health"] if not part["ok"]}
