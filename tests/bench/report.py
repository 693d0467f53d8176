"""What was measured: a table for people, JSON for programs."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("django", "channels", "daphne", "kafka-python", "confluent-kafka", "pydantic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure, measured once or several times; its value is the median. A `target` is what it should reach.

    `at_least` tells whether more is better. `about` is whatever explains the figure, as JSON.
    """

    name: str
    unit: str
    samples: Sequence[float]
    target: float | None = None
    at_least: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return median(self.samples)

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in ("name", "unit", "value", "target", "at_least")}
        return fields | {"met": self.is_met, "samples": list(self.samples), "about": self.about}


def percentile(samples: Iterable[float], percent: float) -> float:
    """Return the smallest sample that `percent` of all do not exceed (nearest rank)."""
    in_order = sorted(samples)
    return in_order[max(0, -int(-len(in_order) * percent // 100) - 1)]


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "arguments": sys.argv[1:],
    }


def show(figures: Iterable[Figure]) -> None:
    lines = [("figure", "value", "target", "met"), *map(_line, figures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, value, target, met in lines:
        print(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {target:>{widths[2]}}  {met}")


def save(path: Path, facts: dict[str, Any], figures: Iterable[Figure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": facts, "figures": [f.as_json() for f in figures]}, indent=1) + "\n")


def _line(figure: Figure) -> tuple[str, str, str, str]:
    sign = "≥" if figure.at_least else "≤"
    target = "" if figure.target is None else f"{sign} {_number(figure.target)}"
    met = {None: "", True: "yes", False: "no"}[figure.is_met]
    return figure.name, f"{_number(figure.value)} {figure.unit}".strip(), target, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"
