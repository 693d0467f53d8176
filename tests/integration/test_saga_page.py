"""The page of one saga, and the stories, as the server sends them: without script they are there as well."""

import re
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from dashboard.models import Saga
from dashboard.readmodel import outbox
from dashboard.web.stories import STORIES
from saga.definitions import CHOREOGRAPHY, ONBOARDING
from saga.messages import Kind, User
from tests.support.dashboard.factories import say, trace, undo_event

pytestmark = pytest.mark.django_db

NASTY = "<script>alert(1)</script>"


def started(name: str = "Ada Lovelace") -> str:
    [saga_id] = outbox.accept(ONBOARDING, style=CHOREOGRAPHY, users=[User(name=name, department="Data")])
    return saga_id


def test_it_names_the_user_the_steps_and_the_download(client: Client) -> None:
    saga_id = started()
    html = client.get(f"/sagas/{saga_id}").content.decode()
    assert "Ada Lovelace" in html
    assert all(f'aria-label="{step.name}"' in html for step in ONBOARDING.steps)
    assert re.search(rf'<a href="/api/sagas/{saga_id}" download="[^"]+\.json">', html)


def test_a_button_that_goes_brings_no_roll_back_under_the_pointer(client: Client) -> None:
    html = client.get(f"/sagas/{started()}").content.decode()
    assert html.index('data-action="roll-back"') < html.index('data-action="retry"')


def test_a_scenario_that_only_another_version_knows_has_its_page(client: Client) -> None:
    saga_id = started()
    Saga.objects.filter(saga_id=saga_id).update(scenario="voyage")
    answer = client.get(f"/sagas/{saga_id}")
    assert (answer.status_code, "Only another version" in answer.content.decode()) == (200, True)


def test_what_users_are_called_is_shown_as_text(client: Client) -> None:
    html = client.get(f"/sagas/{started(NASTY)}").content.decode()
    assert NASTY not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("detail", "note"),
    [
        pytest.param({"failed": True, "error": "no badge"}, "it had failed: nothing to undo", id="failed before"),
        pytest.param({"refused": True}, "it was not done, and never will be", id="not done"),
    ],
)
def test_a_compensation_that_found_nothing_to_undo_says_so(client: Client, detail: dict[str, Any], note: str) -> None:
    saga_id = started()
    say(trace(saga_id, undo_event(Kind.UNDONE, "authorize", detail=detail)))
    html = client.get(f"/sagas/{saga_id}").content.decode()
    assert f"<small>{note}</small>" in html
    assert '<small class="said">' not in html


@pytest.mark.parametrize("path", ["/sagas/no-such-saga", f"/sagas/{NASTY}", "/nowhere"])
def test_a_page_that_is_not_there_says_so_and_leads_back(client: Client, path: str) -> None:
    answer = client.get(path)
    html = answer.content.decode()
    assert (answer.status_code, NASTY in html) == (404, False)
    assert '<a href="/">' in html


def test_a_database_that_does_not_answer_is_told(client: Client) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("disk I/O error")

    with connection.execute_wrapper(refuse):
        answer = client.get("/sagas/any")
    assert (answer.status_code, "disk I/O error" in answer.json()["detail"]) == (503, True)


ALL_STORIES = {story.slug: story for group in STORIES.values() for story in group}


@pytest.mark.parametrize("slug", ALL_STORIES)
def test_every_story_is_told_without_script(client: Client, slug: str) -> None:
    answer = client.post("/stories/", {"story": slug}, HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert Saga.objects.get().scenario == ALL_STORIES[slug].request["scenario"]


def test_a_story_that_nobody_knows_is_refused(client: Client) -> None:
    assert client.post("/stories/", {"story": "nobody knows"}).status_code == 422
    assert not Saga.objects.exists()


@pytest.mark.parametrize(("style", "status"), [("orchestration", 202), ("choreography", 202), ("anarchy", 422)])
def test_the_style_of_a_form_is_respected(client: Client, style: str, status: int) -> None:
    answer = client.post("/onboard/", {"count": "1", "style": style}, HTTP_ACCEPT="application/json")
    assert answer.status_code == status
    assert [saga.style for saga in Saga.objects.all()] == ([style] if status == 202 else [])
