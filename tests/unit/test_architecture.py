"""Who may import whom."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("saga", "consumers", "dashboard", "workshop")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def in_room(room: str) -> list[Path]:
    return [path for path in MODULES if path.is_relative_to(ROOT / room)]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, inside functions too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module
            # `from workshop import kafka_bus` imports a module as well.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def rooms_entered(path: Path) -> set[str]:
    """Return the rooms of the dashboard from which a file imports anything."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("dashboard.")}


def importers_of(package: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in MODULES if package in packages(path)}


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_there(room: str) -> None:
    assert in_room(room)


def test_saga_is_pure() -> None:
    allowed = {"saga", "pydantic", *sys.stdlib_module_names}
    assert {path.name: packages(path) - allowed for path in in_room("saga") if packages(path) - allowed} == {}


def test_saga_touches_neither_files_nor_sockets_nor_clocks_nor_chance() -> None:
    impure = {
        "os",
        "io",
        "pathlib",
        "socket",
        "subprocess",
        "threading",
        "asyncio",
        "time",
        "random",
        "secrets",
        "uuid",
    }
    assert {path.name: packages(path) & impure for path in in_room("saga") if packages(path) & impure} == {}


@pytest.mark.parametrize("room", ["consumers", "dashboard"])
def test_services_and_dashboard_know_only_the_saga(room: str) -> None:
    foreign = set(ROOMS) - {room, "saga"}
    assert {path.name: packages(path) & foreign for path in in_room(room) if packages(path) & foreign} == {}


# From the ground up: what is remembered, what runs on it and who checks it, who tells of it, and the edge.
FLOORS_OF_THE_DASHBOARD = (("readmodel",), ("backstage", "auditor"), ("live",), ("web",))


@pytest.mark.parametrize("floor", range(len(FLOORS_OF_THE_DASHBOARD)))
def test_each_floor_of_the_dashboard_stands_on_those_below(floor: int) -> None:
    above = {name for names in FLOORS_OF_THE_DASHBOARD[floor:] for name in names}
    for room in FLOORS_OF_THE_DASHBOARD[floor]:
        paths = in_room(f"dashboard/{room}")
        assert paths
        assert {path.name: rooms_entered(path) & (above - {room}) for path in paths} == {
            path.name: set() for path in paths
        }


def test_every_module_of_the_dashboard_has_a_room_of_its_own() -> None:
    rooms = {name for names in FLOORS_OF_THE_DASHBOARD for name in names} | {"migrations"}
    homeless = {path.name for path in in_room("dashboard") if path.parent.name not in rooms}
    assert homeless == {"__init__.py", "apps.py", "errors.py", "models.py", "querysets.py"}


def test_only_one_module_knows_the_kafka_client() -> None:
    found = importers_of("kafka")
    assert found
    assert all(path.startswith("workshop/kafka_bus/") for path in found), found


def test_only_the_embedded_broker_knows_the_library_it_is_made_of() -> None:
    assert importers_of("confluent_kafka") == {"workshop/embedded_broker.py"}


def test_nothing_is_printed() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []
