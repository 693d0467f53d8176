"""The log as programs read it: every line is JSON, whatever is in it."""

import json
import logging
import sys
from dataclasses import replace
from typing import Any

import pytest

from saga.event_lines import LOGGER
from saga.tracing import trace_id_of
from tests.support.sagas.factories import outgoing, request
from tests.support.services.workbench import CHAIN, Workbench
from workshop.logs import JsonFormatter, of_process


def written(message: str = "it rains", *args: object, **changes: Any) -> str:
    about = {"name": "workshop.audit", "levelname": "WARNING", "msg": message, "args": args, "created": 0.25}
    return JsonFormatter().format(logging.makeLogRecord(about | changes))


def failure() -> Any:
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        return sys.exc_info()


def test_a_line_tells_when_how_bad_where_and_what() -> None:
    assert json.loads(written("%d of %s", 3, "four")) == {
        "at": "1970-01-01T00:00:00.250000Z",
        "level": "WARNING",
        "logger": "workshop.audit",
        "message": "3 of four",
    }


def test_what_was_given_beside_the_message_becomes_keys() -> None:
    assert json.loads(written(saga_id="saga-1", attempt=2)).items() >= {"saga_id": "saga-1", "attempt": 2}.items()


def test_what_was_given_does_not_take_the_place_of_what_every_line_has() -> None:
    assert json.loads(written(level="harmless", at="never")).items() >= {"level": "WARNING"}.items()


def test_what_json_does_not_know_is_written_as_text() -> None:
    assert json.loads(written(error=ValueError("no")))["error"] == "no"


@pytest.mark.parametrize("nasty", ["a\nb", "a\r\nb", "a\u2028b", 'a"b', "\ud800", "\x00"], ids=ascii)
def test_a_line_stays_one_line(nasty: str) -> None:
    line = written("%s", nasty, name_given=nasty)
    assert len(line.splitlines()) == 1
    assert (json.loads(line)["message"], json.loads(line)["name_given"]) == (nasty, nasty)


def test_an_exception_is_in_the_same_line_with_its_traceback() -> None:
    [line] = written(exc_info=failure()).splitlines()
    assert json.loads(line)["exception"].endswith("ValueError: first line\nsecond line")


def test_where_something_was_said_is_in_the_same_line_if_that_is_asked_for() -> None:
    [line] = written(stack_info="Stack:\n  here").splitlines()
    assert json.loads(line)["stack"] == "Stack:\n  here"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param('{"message": "up", "level": "INFO"}', "up", id="JSON"),
        pytest.param("Traceback (most recent call last):", "Traceback (most recent call last):", id="text"),
        pytest.param('{"message": "cut off', '{"message": "cut off', id="half of a line"),
        pytest.param("[1]", "[1]", id="JSON that is no object"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_every_line_of_a_process_names_it_and_is_json(line: str, message: str) -> None:
    said = json.loads(of_process("web", line))
    assert (said["process"], said["message"], said["level"]) == ("web", message, "INFO")


@pytest.mark.django_db(databases=CHAIN)
class TestEvents:
    def test_there_is_a_line_for_each_event_that_a_service_tells(
        self, bench: Workbench, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.send(request())
        with caplog.at_level(logging.INFO, LOGGER):
            bench.run(bench.worker())
        received, succeeded = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
        assert succeeded["message"] == "provisioner: provision succeeded"
        about = {
            "saga_id": "saga-1",
            "trace_id": trace_id_of("saga-1"),
            "service": "provisioner",
            "step": "provision",
            "action": "do",
            "attempt": 1,
            "partition": 0,
        }
        assert received.items() >= (about | {"event": "received", "topic": "new-user", "offset": 0}).items()
        assert succeeded.items() >= (about | {"event": "succeeded", "topic": "authorize", "offset": 0}).items()

    def test_nothing_is_said_of_whose_saga_it_is(self, bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
        bench.send(request())
        with caplog.at_level(logging.INFO, LOGGER):
            bench.run(bench.worker())
        assert request().user.name not in "".join(JsonFormatter().format(record) for record in caplog.records)

    def test_an_event_is_logged_only_when_it_was_told(self, bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
        bench.send(request())
        with caplog.at_level(logging.INFO, LOGGER):
            bench.crash(bench.worker(), "before trace")
        assert caplog.records == []

    def test_a_dead_letter_is_logged_with_its_place_and_reason(
        self, bench: Workbench, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.send(replace(outgoing(request()), value=b"garbage"))
        with caplog.at_level(logging.INFO, LOGGER):
            bench.run(bench.worker())
        [said] = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
        assert said.items() >= {"event": "dead-lettered", "topic": "new-user", "partition": 0, "offset": 0}.items()
        assert said.items() >= {"saga_id": "saga-1", "trace_id": trace_id_of("saga-1")}.items()
        assert said["error"] == bench.letters()[0].reason

    def test_on_the_screen_the_events_are_not_shown(self, bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
        bench.send(request())
        bench.run(bench.worker())
        assert [record for record in caplog.records if record.name == LOGGER] == []
