"""What the README says is what the code has."""

import re
from pathlib import Path
from typing import Any

import pytest

from saga import routing
from saga.definitions import ONBOARDING, Step
from saga.messages import Kind
from saga.participation import Status
from saga.topics import partitions_by_topic
from tests.support.sagas.factories import entry, request
from workshop.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
STATES = (ROOT / "static" / "js" / "model" / "states.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Config.model_fields)
def test_every_setting_is_in_the_readme_as_the_code_describes_it(name: str) -> None:
    field = Config.model_fields[name]
    assert f"| `{name.upper()}` | {as_written(field.default)} | {field.description} |" in README.splitlines()


def as_written(default: Any) -> str:
    """Return how the README writes a default: as one would write it into the environment."""
    match default:
        case None | "" | () | {}:
            return "–"
        case bool():
            return f"`{default}`".lower()
        case float():
            return f"`{default:g}`"
        case tuple():
            return f"`{','.join(map(str, default))}`"
        case Path():
            return f"`{default.relative_to(ROOT)}`"
    return f"`{default}`"


def test_the_readme_knows_no_setting_that_the_code_does_not() -> None:
    settings = README.split("## Settings")[1].split("\n## ")[0]
    assert {name.lower() for name in re.findall(r"^\| `([A-Z_]+)`", settings, re.M)} == set(Config.model_fields)


def test_every_topic_is_in_the_readme_with_its_partitions() -> None:
    topics = README.split("## Topics")[1].split("\n## ")[0]
    rows = {name: int(count) for name, count in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", topics, re.M)}
    assert rows == partitions_by_topic(partitions=6)


@pytest.mark.parametrize("step", ONBOARDING.steps, ids=lambda step: step.name)
def test_the_readme_tells_that_a_service_asks_itself_to_undo_what_was_taken_back(step: Step) -> None:
    routed = routing.after(request(step.name), entry(Status.REFUSED, step=step.name))
    assert isinstance(routed, routing.Routed)
    assert re.search(rf"^\| `{routed.topic}` \| 6 \| [^|]*\b{step.service}\b[^|]* \| {step.service} \|", README, re.M)


@pytest.mark.parametrize("kind", Kind)
def test_every_trace_event_has_a_label_on_the_page(kind: Kind) -> None:
    kinds = STATES.split("export const EVENT_KINDS = {")[1].split("};")[0]
    assert re.search(rf'^  "?{kind}"?: {{ label: ', kinds, re.M)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_every_link_of_the_readme_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
