"""What Prometheus reads, by name and labels, and steps that take their time."""

from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from saga.messages import Kind, Trace, TraceEvent
from tests.support.dashboard.factories import at, event, trace, undo_event

AUTHORIZE = {"service": "authorizer", "step": "authorize"}


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = Client().get("/metrics").content.decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


def figure(name: str, **labels: str) -> float:
    """Return what is told under a name and exactly these labels; nothing told is 0."""
    return samples().get((f"saga_workshop_{name}", frozenset(labels.items())), 0.0)


def observed(name: str, **labels: str) -> tuple[float, float]:
    """Return how often something was observed, and the sum of it in seconds."""
    return figure(f"{name}_count", **labels), figure(f"{name}_sum", **labels)


def step_seconds(outcome: str, action: str = "do") -> tuple[float, float]:
    return observed("step_seconds", **AUTHORIZE, action=action, outcome=outcome)


def on_step(kind: Kind, second: int, **changes: Any) -> TraceEvent:
    return event(kind, "authorize", at=at(second), **changes)


def undo_of_step(kind: Kind, second: int, **changes: Any) -> TraceEvent:
    return undo_event(kind, "authorize", at=at(second), **changes)


def retried(saga_id: str) -> list[Trace]:
    """Return what is said of a step that is taken on, fails once, and is done six seconds after it was taken on."""
    said = [on_step(Kind.RECEIVED, 1), on_step(Kind.RETRYING, 2), on_step(Kind.SUCCEEDED, 7, attempt=2)]
    return [trace(saga_id, one) for one in said]
