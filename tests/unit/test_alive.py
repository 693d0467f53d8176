"""What a container's health check is told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from workshop import alive

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        pytest.param(0, True, id="just now"),
        pytest.param(alive.SILENT_AFTER_S + 1, False, id="too long ago"),
        pytest.param(-3600, False, id="before the clock was set back"),
    ],
)
def test_a_process_is_alive_while_its_heart_beats(tmp_path: Path, age_s: float, expected: bool) -> None:
    alive.beat(tmp_path, "notifier")
    [note] = tmp_path.iterdir()
    at = note.stat().st_mtime - age_s
    os.utime(note, (at, at))
    assert alive.is_alive(tmp_path, "notifier") is expected


def test_a_process_that_was_never_heard_of_is_not_alive(tmp_path: Path) -> None:
    alive.beat(tmp_path / "run", "notifier")
    assert not alive.is_alive(tmp_path / "run", "authorizer")


def told(name: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return the exit status that whoever watches a container is told."""
    monkeypatch.setattr(sys, "argv", ["alive", name])
    with pytest.raises(SystemExit) as end:
        alive.main()
    return end.value.code


def test_the_exit_status_tells_whether_a_service_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    alive.beat(tmp_path / "run", "notifier")
    assert [told(name, monkeypatch) for name in ("notifier", "authorizer")] == [0, 1]


class Well(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *about: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Well) as server:
        server.timeout = 5.0
        answering = Thread(target=server.handle_request)
        answering.start()
        yield str(server.server_port)
        answering.join()


def test_a_web_server_is_asked_itself_where_there_is_a_proxy(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert alive.answers(port)


def test_the_exit_status_tells_whether_the_web_server_answers(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    assert told("web", monkeypatch) == 0
    monkeypatch.setenv("PORT", "1")
    assert told("web", monkeypatch) == 1


def test_a_web_server_that_answers_with_a_failure_is_not_alive(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Well, "status", 500)
    assert not alive.answers(port)


def test_what_is_asked_every_few_seconds_loads_no_library_for_it() -> None:
    """To load `http.client`, or what stands on it, takes ten times as long as all the rest."""
    code = "import sys, workshop.alive; print('http' in sys.modules, 'django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).stdout == b"False False\n"


def test_a_web_server_that_does_not_answer_is_not_alive() -> None:
    assert not alive.answers("1")
