"""How a web process knows of a backstage in another process: by what that wrote down a moment ago."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from dashboard.backstage.backstage_reports import FORGET_AFTER, SILENT_AFTER, Reporter, leadership, parts_elsewhere
from dashboard.backstage.health import Health
from dashboard.backstage.lease import Lease
from dashboard.models import BackstageReport

pytestmark = pytest.mark.django_db
Say = Callable[..., None]


@pytest.fixture
def say() -> Say:
    """Return a function by which a process says how its parts are: what is wrong with each, or nothing."""

    def say(instance: str, **troubles: str) -> None:
        health = Health()
        for name, trouble in troubles.items():
            health.watch(name, lambda trouble=trouble: trouble)
        Reporter(instance, health).run_once()

    return say


def let_pass(time: timedelta) -> None:
    BackstageReport.objects.update(said_at=F("said_at") - time)


def names(report: list[dict[str, Any]]) -> dict[str, bool]:
    return {part["name"]: part["ok"] for part in report}


def test_the_parts_are_told_as_the_process_said_they_are(say: Say) -> None:
    say("one", relay="", herald="failing")
    assert parts_elsewhere() == [
        {"name": "relay", "ok": True, "detail": ""},
        {"name": "herald", "ok": False, "detail": "failing"},
    ]


def test_what_was_said_last_counts(say: Say) -> None:
    say("one", relay="failing")
    say("one", relay="")
    assert names(parts_elsewhere()) == {"relay": True}


def test_of_several_processes_the_worst_is_told(say: Say) -> None:
    say("one", relay="", herald="")
    say("two", relay="failing", herald="")
    assert names(parts_elsewhere()) == {"relay": False, "herald": True}


def test_silence_is_told_as_trouble(say: Say) -> None:
    say("one", relay="")
    let_pass(SILENT_AFTER)
    assert names(parts_elsewhere()) == {"projector": False}


def test_silence_is_noticed_although_the_clock_of_the_database_was_set_back(say: Say) -> None:
    say("one", relay="")
    let_pass(timedelta(hours=-1))
    assert names(parts_elsewhere()) == {"projector": False}
    say("two", relay="")
    assert [report.instance for report in BackstageReport.objects.all()] == ["two"]


def test_that_nobody_was_ever_heard_of_is_told_as_trouble() -> None:
    assert names(parts_elsewhere()) == {"projector": False}


def test_one_that_is_silent_is_no_trouble_while_another_lives(say: Say) -> None:
    say("one", relay="failing")
    let_pass(SILENT_AFTER)
    say("two", relay="")
    assert names(parts_elsewhere()) == {"relay": True}


def test_who_has_gone_is_forgotten(say: Say) -> None:
    say("one", relay="")
    let_pass(FORGET_AFTER)
    say("two", relay="")
    assert [report.instance for report in BackstageReport.objects.all()] == ["two"]


def test_it_is_told_who_leads_and_who_stands_by(say: Say) -> None:
    Lease("two").run_once()
    for instance in ("one", "two", "three"):
        say(instance, relay="")
    assert leadership() == [{"name": "lead", "ok": True, "detail": "two leads, one, three stands by"}]


def test_that_nobody_leads_is_told_as_trouble(say: Say) -> None:
    say("one", relay="")
    [part] = leadership()
    assert (part["name"], part["ok"]) == ("lead", False)


def test_where_nobody_projects_it_is_not_asked_who_leads() -> None:
    assert leadership() == []


def test_who_cannot_reach_the_database_does_not_ask_there_how_others_are() -> None:
    health = Health()
    health.watch("database", lambda: "it does not answer")
    health.watch_elsewhere(lambda: pytest.fail("that was asked, and takes seconds"))
    assert names(health.report()) == {"database": False}
