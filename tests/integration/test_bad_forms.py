"""The forms of the page refuse what they cannot use, and say why."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import encode_multipart

from dashboard.web.roster import MAX_BYTES
from tests.support.dashboard import refusals as dash_refusals
from tests.support.dashboard.refusals import JSON, MEGABYTE, nothing_begun, reason_of, token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_begun(client: Client) -> Iterator[None]:
    with nothing_begun(client):
        yield


@pytest.fixture
def browser() -> Client:
    return dash_refusals.browser()


@pytest.mark.parametrize("address", ["/onboard/", "/roster/"])
def test_a_form_without_its_token_is_refused(browser: Client, address: str) -> None:
    assert "token" in reason_of(browser.post(address, {"count": "1", "text": "Ada,Data"}), 403)


def test_a_form_with_a_token_that_was_guessed_is_refused(browser: Client) -> None:
    assert "token" in reason_of(browser.post("/onboard/", {"count": "1", "csrfmiddlewaretoken": "x" * 64}), 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://["])
def test_a_form_from_another_site_is_refused_even_with_a_token(browser: Client, origin: str) -> None:
    answer = browser.post("/onboard/", {"count": "1", **token(browser)}, HTTP_ORIGIN=origin)
    assert "Origin" in reason_of(answer, 403)


COUNTS = ["0", "-1", "10001", "many", "1.5", "true", "", " ", "1e3", "٣", "²", "1\x00", "+1"]
COUNTS += ["1" * 5000, "000000001999", "0000000019999999"]


@pytest.mark.parametrize("count", COUNTS, ids=[repr(count)[:12] for count in COUNTS])
def test_a_number_that_is_none_is_refused(browser: Client, count: str) -> None:
    assert "from 1 to 10,000" in reason_of(browser.post("/onboard/", {"count": count, **token(browser)}), 422)


LISTS: dict[str, tuple[bytes, int, str]] = {
    "an empty file": (b"", 422, "the list is empty"),
    "Latin-1": ("Ada,Data\nZoë,Data\n".encode("latin-1"), 422, "line 2 is not UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", 422, "line 1 is not UTF-8"),
    "bad quoting": (b'Ada,Data\n"Al"an,Data\n', 422, "line 2 is not CSV"),
    "a cell without end": (b'Ada,"' + b"x" * 200_000, 422, "is not CSV"),
    "10,001 rows": (b"Ada,Data\n" * 10_001, 422, "10,001 users; 10,000 is the most"),
    "one bad row in many": (b"Ada,Data\n" * 500 + b"<b>,Data\n", 422, "line 501: the name must not contain '<'"),
    "more than a megabyte": (b"Ada,Data\n" * (MAX_BYTES // 9 + 1), 413, "1,048,576 is the most"),
    "10 megabytes": (b"Ada,Data\n" * (10 * MEGABYTE // 9), 413, "bytes are the most"),
}


@pytest.mark.parametrize(("content", "status", "reason"), LISTS.values(), ids=LISTS)
def test_a_list_that_is_none_is_refused(browser: Client, content: bytes, status: int, reason: str) -> None:
    file = SimpleUploadedFile("class.csv", content, content_type="text/csv")
    assert reason in reason_of(browser.post("/roster/", {"file": file, **token(browser)}), status)


def test_an_empty_list_is_refused(browser: Client) -> None:
    assert "the list is empty" in reason_of(browser.post("/roster/", {"text": " \n", **token(browser)}), 422)


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_a_form_with_more_fields_than_ours_is_refused(browser: Client, content_type: str) -> None:
    fields = {"count": "1", **token(browser), **{f"field {number}": "x" for number in range(20)}}
    is_plain = content_type.endswith("urlencoded")
    body = urlencode(fields) if is_plain else encode_multipart("x", fields)
    assert "make sense" in reason_of(browser.generic("POST", "/onboard/", body, content_type=content_type), 400)


def test_more_files_than_one_are_refused(browser: Client) -> None:
    files = [SimpleUploadedFile(f"{number}.csv", b"Ada,Data") for number in range(2)]
    assert "make sense" in reason_of(browser.post("/roster/", {"file": files, **token(browser)}), 400)


@pytest.mark.parametrize("address", ["/api/sagas", "/onboard/", "/roster/", "/nowhere"])
def test_a_body_beyond_the_limit_is_refused_unread(browser: Client, address: str) -> None:
    answer = browser.post(address, b" " * (3 * MEGABYTE), content_type=JSON)
    assert "2,097,152 bytes" in reason_of(answer, 413)


def test_a_body_of_just_the_limit_is_read(browser: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert "parse" in reason_of(browser.post("/api/sagas", b" " * 100, content_type=JSON), 422)
