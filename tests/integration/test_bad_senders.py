"""Other sites, other names and other ways than ours change nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from dashboard.readmodel import services
from tests.support.dashboard.refusals import JSON, nothing_begun, reason_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_begun(client: Client) -> Iterator[None]:
    with nothing_begun(client):
        yield


FOREIGN = {
    "another site": {"HTTP_ORIGIN": "http://evil.example"},
    "another port": {"HTTP_ORIGIN": "http://testserver:9999"},
    "a name that only begins like ours": {"HTTP_ORIGIN": "http://testserver.evil.example"},
    "a hidden origin": {"HTTP_ORIGIN": "null"},
    "an origin that is none": {"HTTP_ORIGIN": "http://["},
    "an empty origin": {"HTTP_ORIGIN": ""},
    "a cross-site fetch": {"HTTP_SEC_FETCH_SITE": "cross-site"},
    "a same-site fetch": {"HTTP_SEC_FETCH_SITE": "same-site"},
    "a cross-site fetch with our origin": {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://testserver"},
}
WAYS = [
    ("post", "/api/sagas"),
    ("put", "/api/sagas"),
    ("post", "/api/sagas/known/roll-back"),
    ("patch", "/api/services/notifier"),
    ("post", "/api/services/notifier/kill"),
    ("delete", "/api/faults"),
    ("post", "/api/dead-letters/1/replay"),
]


@pytest.mark.parametrize(("method", "address"), WAYS, ids=[address for _, address in WAYS])
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_other_sites_change_nothing(client: Client, headers: dict[str, str], method: str, address: str) -> None:
    answer = getattr(client, method)(address, {"running": False}, content_type=JSON, **headers)
    assert "another site" in reason_of(answer, 403)


def test_behind_tls_a_page_that_came_without_it_is_another_site(client: Client, settings: Any) -> None:
    settings.HTTPS = True
    answer = client.post("/api/sagas", "garbage", content_type=JSON, headers={"Origin": "http://testserver"})
    assert "another site" in reason_of(answer, 403)
    answer = client.post("/api/sagas", "garbage", content_type=JSON, headers={"Origin": "https://testserver"})
    assert "parse" in reason_of(answer, 422)


@pytest.mark.parametrize("scheme", ["ftp", "file", "javascript", "chrome-extension"])
def test_only_the_web_has_pages_of_ours(client: Client, scheme: str) -> None:
    answer = client.delete("/api/faults", {}, content_type=JSON, headers={"Origin": f"{scheme}://testserver"})
    assert "another site" in reason_of(answer, 403)


TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "", "json"]


@pytest.mark.parametrize("content_type", TYPES)
def test_only_json_changes_something_through_the_api(client: Client, content_type: str) -> None:
    assert "application/json" in reason_of(client.generic("POST", "/api/sagas", b"{}", content_type=content_type), 415)


FORMS = ["/onboard/", "/roster/", "/stories/", "/login/", "/logout/"]


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("content_type", [JSON, "text/plain", ""])
def test_a_form_is_sent_as_a_form(client: Client, address: str, content_type: str) -> None:
    answer = client.generic("POST", address, b"count=1", content_type=content_type)
    assert "a form" in reason_of(answer, 415)


BROWSERS = [{"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}]


@pytest.mark.parametrize("headers", BROWSERS, ids=[*map(str, BROWSERS)])
def test_a_browser_that_sends_nothing_says_so_in_json(client: Client, headers: dict[str, str]) -> None:
    answer = client.generic("POST", "/api/services/notifier/kill", content_type="", headers=headers)
    assert "application/json" in reason_of(answer, 415)


@pytest.mark.parametrize("said", [{}, {"Content-Length": "0"}], ids=["without a length", "of no length"])
def test_a_program_that_sends_nothing_need_not_say_of_what_type(client: Client, said: dict[str, str]) -> None:
    answer = client.generic("POST", "/api/sagas/nobody/retry", content_type="", headers=said)
    assert "no saga" in reason_of(answer, 404)


def test_a_program_that_sends_something_bit_by_bit_says_of_what_type(client: Client) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    answer = client.generic("POST", "/api/sagas/nobody/retry", content_type="", headers=chunked)
    assert "application/json" in reason_of(answer, 415)


@pytest.mark.parametrize("address", ["/", "/api/sagas", "/healthz", "/readyz"])
def test_a_name_that_is_not_ours_is_refused(client: Client, caplog: pytest.LogCaptureFixture, address: str) -> None:
    assert "ALLOWED_HOSTS" in reason_of(client.get(address, HTTP_HOST="evil.example"), 400)
    assert "evil.example" in caplog.text
    assert "Traceback" not in caplog.text
    sent_as = {"content_type": JSON} if address.startswith("/api/") else {}
    assert client.post(address, {}, HTTP_HOST="evil.example", **sent_as).status_code == 400


WRONG_WAYS = [
    ("GET", "/onboard/"),
    ("GET", "/roster/"),
    ("GET", "/api/services/notifier/kill"),
    ("GET", "/api/services/notifier"),
    ("DELETE", "/api/sagas"),
    ("PUT", "/api/sagas"),
    ("GET", "/api/sagas/known/retry"),
    ("PATCH", "/api/faults"),
    ("DELETE", "/api/dead-letters/1/replay"),
    ("POST", "/api/invariants"),
    ("TRACE", "/api/sagas"),
    ("POST", "/api/openapi.json"),
    ("OPTIONS", "/api/openapi.json"),
]


@pytest.mark.parametrize(("method", "address"), WRONG_WAYS, ids=[" ".join(way) for way in WRONG_WAYS])
def test_what_an_address_does_not_do_is_refused(client: Client, method: str, address: str) -> None:
    assert client.generic(method, address, b"{}", content_type=JSON).status_code == 405


NOT_ANSWERED = {
    "no such address": ("GET", "/api/coffee", 404),
    "a slash too much": ("POST", "/api/sagas/", 404),
    "no such method": ("PUT", "/api/sagas", 405),
}


@pytest.mark.parametrize(("method", "address", "status"), NOT_ANSWERED.values(), ids=NOT_ANSWERED)
def test_a_program_is_told_in_json_what_the_api_does_not_do(
    client: Client, method: str, address: str, status: int
) -> None:
    answer = client.generic(method, address, b"{}", content_type=JSON)
    assert "address" in reason_of(answer, status)
    allowed = {method for method in answer.get("Allow", "").split(", ") if method}
    assert allowed == ({"GET", "POST"} if status == 405 else set())


def test_a_program_is_told_in_json_that_the_server_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "row_of", None)
    assert "failed" in reason_of(Client(raise_request_exception=False).get("/api/services"), 500)
