"""Numbers and lengths among the settings are taken up to their bounds, and not beyond."""

import pytest

from workshop import config
from workshop.config import ConfigError

BOUNDS: dict[str, tuple[int, int | None]] = {
    "PORT": (1, 65_535),
    "EMAIL_PORT": (1, 65_535),
    "TOPIC_PARTITIONS": (1, 1000),
    "WORK_LIMIT": (1, 10_000),
    "IN_FLIGHT_LIMIT": (1, None),
    "SAGA_DEADLINE_S": (1, 86_400),
    "RETENTION_DAYS": (0, 36_500),
    "RETENTION_SAGAS": (0, None),
    "COMMANDS_PER_MINUTE": (0, None),
    "SAGAS_PER_MINUTE": (0, None),
}
LENGTHS = {"SECRET_KEY": (20, None), "INSTRUCTOR_PASSWORD": (8, None), "KAFKA_PREFIX": (0, 100)}
JUST_RIGHT = {
    **{
        f"{name}={bound}": (name, str(bound))
        for name, bounds in BOUNDS.items()
        for bound in bounds
        if bound is not None
    },
    **{f"{name} of {size}": (name, "x" * size) for name, sizes in LENGTHS.items() for size in sizes if size},
    "LAG_MS=600000,600000": ("LAG_MS", "600000,600000"),
}
TOO_MUCH = {
    **{f"{name}={low - 1}": (name, str(low - 1)) for name, (low, _) in BOUNDS.items()},
    **{f"{name}={high + 1}": (name, str(high + 1)) for name, (_, high) in BOUNDS.items() if high},
    **{f"{name} of {low - 1}": (name, "x" * (low - 1)) for name, (low, _) in LENGTHS.items() if low},
    **{f"{name} of {high + 1}": (name, "x" * (high + 1)) for name, (_, high) in LENGTHS.items() if high},
    "KAFKA_PREFIX=a b": ("KAFKA_PREFIX", "a b"),
}


@pytest.mark.parametrize(("name", "value"), JUST_RIGHT.values(), ids=JUST_RIGHT)
def test_what_is_just_within_bounds_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert config.load()


@pytest.mark.parametrize(("name", "value"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_just_beyond_them_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}"):
        config.load()
