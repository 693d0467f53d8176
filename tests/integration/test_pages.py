"""The page as the server sends it, its forms, its security, and the health checks."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client

from dashboard.backstage.health import HEALTH
from dashboard.models import Saga, Service
from dashboard.readmodel import services
from saga.topics import SERVICES
from tests.support.dashboard.factories import accept

pytestmark = pytest.mark.django_db


class Elements(HTMLParser):
    """Every element of a page: its name, its attributes, and what stands in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text_of_scripts = ""
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.text_of_scripts += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


@pytest.fixture
def html(client: Client) -> str:
    return client.get("/").content.decode()


@pytest.fixture
def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    return Elements(html).found


def test_the_page_has_the_button_the_switch_and_the_table_before_any_script_runs(html: str) -> None:
    assert re.search(r"<button[^>]*>(<svg.*?</svg>)?\s*Onboard New User", html, re.S)
    assert re.search(r'<button[^>]*role="switch"[^>]*aria-checked="true"', html)
    assert "Trace Mode" in html
    assert "<table" in html


def test_no_script_stands_in_the_page(html: str) -> None:
    page = Elements(html)
    assert page.text_of_scripts == ""
    assert all(attributes.get("src", "").startswith("/static/") for tag, attributes in page.found if tag == "script")


def test_nothing_in_the_page_needs_more_than_its_policy_allows(elements: Any) -> None:
    for tag, attributes in elements:
        assert tag not in {"style", "iframe", "object", "embed", "base"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        links = [attributes[name] or "" for name in ("href", "src", "action") if name in attributes]
        assert not [link for link in links if link.startswith(("http", "//", "javascript:"))], (tag, attributes)


def test_every_file_that_the_page_names_is_served(client: Client, elements: Any) -> None:
    links = {attributes.get("href") or attributes.get("src") for _, attributes in elements}
    files = {link for link in links if link and link.startswith("/static/")}
    assert files
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200, file
        assert "immutable" in answer["Cache-Control"], file
        answer.close()


def test_browsers_that_ask_for_an_icon_by_habit_are_led_to_it(client: Client) -> None:
    answer = client.get("/favicon.ico", follow=True)
    assert b"".join(answer.streaming_content).startswith(b"<svg")
    answer.close()


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/api/sagas"])
def test_whoever_asks_for_the_head_alone_is_answered_as_for_the_whole(client: Client, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head["Content-Type"]) == (whole.status_code, whole["Content-Type"])
    assert head.content == b""


HTML = {"the page": "/", "a page that is not there": "/nowhere"}


@pytest.mark.parametrize("path", HTML.values(), ids=HTML)
def test_every_html_answer_has_a_strict_policy(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer["Content-Type"].startswith("text/html")
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", HTML.values(), ids=HTML)
def test_every_html_answer_has_the_other_security_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(answer["Permissions-Policy"].split(", "))


ASTRAY = ["//evil.example/", "//evil.example/onboard", "/onboard", "/login", "/\\evil.example", "/%2F/evil.example/"]


@pytest.mark.parametrize("path", ASTRAY)
def test_no_address_leads_to_another_site(client: Client, path: str) -> None:
    for answer in (client.get(path), client.get("/", {"next": f"http:{path}"})):
        assert not answer.get("Location", "/").startswith(("//", "/\\", "http"))


def test_the_token_is_kept_from_scripts_and_from_forms_of_other_sites_but_not_from_links(client: Client) -> None:
    cookie = client.get("/").cookies["csrftoken"]
    assert (cookie["samesite"], cookie["httponly"]) == ("Lax", True)


@pytest.fixture
def browser() -> Client:
    """A browser that has the page open, and is held to its token."""
    client = Client(enforce_csrf_checks=True)
    client.get("/")
    return client


def submit(browser: Client, path: str, *, accept: str = "text/html", **fields: Any) -> Any:
    return browser.post(path, {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value, **fields}, HTTP_ACCEPT=accept)


def test_the_button_works_without_script(browser: Client) -> None:
    answer = submit(browser, "/onboard/", count="1")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert Saga.objects.count() == 1


def test_many_are_onboarded_by_number(browser: Client) -> None:
    answer = submit(browser, "/onboard/", accept="application/json", count="25")
    assert answer.status_code == 202
    assert len(answer.json()["saga_ids"]) == Saga.objects.count() == 25


def test_a_pasted_list_is_onboarded(browser: Client) -> None:
    submit(browser, "/roster/", text="Ada Lovelace,Data\nZoë,Sales")
    assert list(Saga.objects.values_list("user_name", "department")) == [("Ada Lovelace", "Data"), ("Zoë", "Sales")]


def test_an_uploaded_list_is_onboarded(browser: Client) -> None:
    file = SimpleUploadedFile("class.csv", "\ufeffname;department\nZoë;Sales\n".encode())
    answer = submit(browser, "/roster/", accept="application/json", file=file)
    assert (answer.status_code, Saga.objects.get().user_name) == (202, "Zoë")


def test_names_reach_the_page_as_data_only(browser: Client) -> None:
    submit(browser, "/roster/", text="Robert'); DROP TABLE Students;--,Data")
    assert "DROP TABLE" not in browser.get("/").content.decode()
    assert Saga.objects.get().user_name == "Robert'); DROP TABLE Students;--"


def test_the_server_says_that_it_lives(client: Client) -> None:
    assert client.get("/healthz").json() == {"ok": True}


@pytest.fixture
def ready_services() -> None:
    services.ensure_rows((0, 0))
    Service.objects.update(view={"state": "running", "detail": ""})


def dependencies(client: Client, *, status: int) -> dict[str, dict[str, Any]]:
    answer = client.get("/readyz")
    assert answer.status_code == status
    assert answer.json()["ready"] is (status == 200)
    return {dependency["name"]: dependency for dependency in answer.json()["dependencies"]}


@pytest.mark.usefixtures("ready_services")
def test_ready_means_that_every_dependency_works(client: Client) -> None:
    found = dependencies(client, status=200)
    assert set(found) >= {"database", *SERVICES}
    assert all(set(one) == {"name", "ok", "detail"} and one["ok"] for one in found.values())


@pytest.mark.usefixtures("ready_services")
def test_a_service_that_does_not_run_is_named(client: Client) -> None:
    Service.objects.filter(name="notifier").update(view={"state": "gone", "detail": "silent since 12:00:00 UTC"})
    found = dependencies(client, status=503)
    assert [name for name, one in found.items() if not one["ok"]] == ["notifier"]
    assert found["notifier"]["detail"] == "gone silent since 12:00:00 UTC"


@pytest.mark.usefixtures("ready_services")
def test_a_service_that_was_stopped_on_purpose_is_as_it_should_be(client: Client) -> None:
    Service.objects.filter(name="notifier").update(running=False, view={"state": "stopped", "detail": ""})
    dependencies(client, status=200)


@pytest.mark.usefixtures("ready_services")
def test_a_broker_that_is_away_is_named_with_its_reason(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HEALTH._probes, "broker", lambda: "it did not answer")
    assert dependencies(client, status=503)["broker"] == {"name": "broker", "ok": False, "detail": "it did not answer"}


@pytest.mark.usefixtures("ready_services")
def test_a_database_that_does_not_answer_is_named_with_its_reason(client: Client) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError("unable to open database file")

    with connection.execute_wrapper(refuse):
        found = dependencies(client, status=503)
    assert "unable to open database file" in found["database"]["detail"]


def test_the_page_is_served_while_everything_else_is_broken(client: Client) -> None:
    accept()

    def refuse(*_: Any) -> None:
        raise OperationalError("disk I/O error")

    with connection.execute_wrapper(refuse):
        assert client.get("/").status_code == 200
        assert client.get("/healthz").status_code == 200
