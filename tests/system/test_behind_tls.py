"""A run with a proxy in front, and the proxy is us: what it is told, what is refused, and what is written down."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dashboard.web.sockets import REQUESTS_PER_MINUTE
from tests.eventually import eventually
from tests.support.system.live import LiveWorkshop
from workshop.web_server import MAX_BODY_BYTES

# It is closed long before, however little of a minute's allowance is used up before some of it is given back.
FAR_TOO_MANY = 100 * REQUESTS_PER_MINUTE
PASSWORD = "open sesame"
NAME = "workshop.example.com"
FORWARDED = {"Host": NAME, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
ORIGIN = {"Origin": f"https://{NAME}"}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    settings = {"HTTPS": "true", "INSTRUCTOR_PASSWORD": PASSWORD, "ALLOWED_HOSTS": NAME}
    live = LiveWorkshop(tmp_path_factory.mktemp("tls"), **settings).start()
    yield live
    live.stop()


class Proxy:
    """A browser at the other side of a proxy: it keeps cookies, and each request comes by TLS unless told otherwise."""

    def __init__(self, workshop: LiveWorkshop) -> None:
        self._port = workshop.port
        self.cookies: dict[str, str] = {}
        self.attributes: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        given = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        connection.request(method, path, body.encode(), FORWARDED | given | headers)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name], _, self.attributes[name] = rest.partition(";")
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def submit(self, path: str, **fields: str) -> http.client.HTTPResponse:
        """Send a form of the page, with the token that stands in it."""
        page = self.ask("GET", "/").text
        fields["csrfmiddlewaretoken"] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.ask("POST", path, urlencode(fields), **form, **ORIGIN)

    def kill(self, service: str, **headers: str) -> int:
        json = {"Content-Type": "application/json"}
        return self.ask("POST", f"/api/services/{service}/kill", "{}", **json, **headers).status


@pytest.fixture
def proxy(workshop: LiveWorkshop) -> Proxy:
    return Proxy(workshop)


def test_what_came_without_tls_is_led_to_it(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/", **{"X-Forwarded-Proto": "http"})
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_from_inside_needs_no_tls(proxy: Proxy, path: str) -> None:
    assert proxy.ask("GET", path, **{"X-Forwarded-Proto": "http"}).status == 200


def test_browsers_are_told_to_come_with_tls_from_now_on(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/").headers["Strict-Transport-Security"] == f"max-age={30 * 24 * 3600}"


def test_no_cookie_travels_without_tls(proxy: Proxy) -> None:
    proxy.submit("/login/", password=PASSWORD)
    assert proxy.attributes.keys() == {"csrftoken", "visitor", "sessionid"}
    assert all("Secure" in attributes and "HttpOnly" in attributes for attributes in proxy.attributes.values())


def test_the_instructor_logs_in_kills_and_logs_out_and_every_line_says_who_it_was(
    workshop: LiveWorkshop, proxy: Proxy
) -> None:
    assert proxy.kill("notifier", **ORIGIN) == 401
    assert proxy.submit("/login/", password=PASSWORD).status == 302
    assert proxy.kill("notifier", **ORIGIN) == 202
    assert proxy.submit("/logout/").status == 302
    assert proxy.kill("notifier", **ORIGIN) == 401
    who = f"visitor {proxy.cookies['visitor'][:8]} at 203.0.113.7"
    eventually(lambda: len(audit_lines(workshop, who)) == 4)
    assert audit_lines(workshop, who) == [
        f"instructor ({who}): log in: 302 Found",
        f'instructor ({who}): kill "notifier": 202 Accepted',
        f"instructor ({who}): log out: 302 Found",
        f'anybody ({who}): kill "notifier": 401 Unauthorized',
    ]


def audit_lines(workshop: LiveWorkshop, who: str) -> list[str]:
    return [line.partition("workshop.audit: ")[2] for line in workshop.output if who in line]


def test_a_page_that_came_without_tls_may_not_use_the_login_of_one_that_did(proxy: Proxy) -> None:
    proxy.submit("/login/", password=PASSWORD)
    assert proxy.kill("notifier", Origin=f"http://{NAME}") == 403


def test_a_socket_that_does_not_stop_asking_is_closed_as_one_that_breaks_the_rules(workshop: LiveWorkshop) -> None:
    # No bound on what it takes in: it would stop reading, and the reason for the end be lost with the connection.
    with connect(f"ws://127.0.0.1:{workshop.port}/ws/sagas/", max_size=None, max_queue=None) as flood:
        with suppress(ConnectionClosed):
            for _ in range(FAR_TOO_MANY):
                flood.send("{}")
        with suppress(ConnectionClosed):
            while True:
                last = json.loads(flood.recv(timeout=30))
        assert (last["type"], flood.close_code) == ("error", 1008)
    assert "600 requests a minute" in last["detail"]
    assert not [line for line in workshop.output if "Exception" in line]


def test_a_body_without_end_is_cut_off_and_the_server_lives_on(workshop: LiveWorkshop) -> None:
    with socket.create_connection(("127.0.0.1", workshop.port), timeout=30) as flood:
        flood.sendall(b"POST /api/sagas HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + bytes(1024 * 1024) + b"\r\n"
        sent = 0
        with suppress(OSError):
            while sent < 10 * MAX_BODY_BYTES:
                flood.sendall(chunk)
                sent += len(chunk)
    assert MAX_BODY_BYTES <= sent < 2 * MAX_BODY_BYTES
    assert workshop.get("/healthz")["ok"]
