"""Which databases there are, and which table lives in which."""

from typing import Any

from saga.topics import SERVICES
from workshop.addresses import parts_of_database
from workshop.config import Config

READ_MODEL = "default"
CONNECT_S = 5
# Whoever is paused inside a transaction must not hold up all others for good: they give up, and its lock is taken away.
PATIENCE = "-c lock_timeout=3s -c idle_in_transaction_session_timeout=5s"
# A host that vanishes says nothing: whoever waits for its answer would do so for a quarter of an hour, and more.
NOTICE_LOSS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
# More than a process has threads that hold one for good; requests share the others.
# A pool that cannot connect tries again after ever longer pauses, and would sleep through the end of an outage. One
# that has given up tries anew as soon as somebody asks.
POOL = {"min_size": 1, "max_size": 20, "timeout": CONNECT_S, "reconnect_timeout": 2}


def databases(config: Config) -> dict[str, dict[str, Any]]:
    """Return the read model and one ledger for each service, which no other service opens, as Django wants them."""
    read_model = _read_model(config.database_url, config) if config.database_url else _sqlite("dashboard", config)
    return {READ_MODEL: read_model, **{service: _ledger(service, config) for service in SERVICES}}


class LedgerRouter:
    """The dashboard's tables are in the read model, the services' in every ledger; who uses a ledger names it."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if app_label == "consumers":
            return db != READ_MODEL
        return db == READ_MODEL


def _read_model(url: str, config: Config) -> dict[str, Any]:
    # Each request of a web server has a thread of its own, and would connect anew.
    postgres = _postgres(url, config)
    return postgres | {"OPTIONS": postgres["OPTIONS"] | {"pool": POOL}}


def _ledger(service: str, config: Config) -> dict[str, Any]:
    url = config.ledger(service)
    return _postgres(url, config) if url else _sqlite(f"ledger-{service}", config)


def _postgres(url: str, config: Config) -> dict[str, Any]:
    parts = parts_of_database(url)
    return {
        "ENGINE": "workshop.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", "") or config.database_password,
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {"connect_timeout": CONNECT_S, "options": PATIENCE, **NOTICE_LOSS, **parts},
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"DEPENDENCIES": []},
    }


def _sqlite(name: str, config: Config) -> dict[str, Any]:
    # FULL: what was promised, or said to a cluster that remembers it, outlives a power cut; NORMAL loses its end.
    # IMMEDIATE: a transaction that reads and then writes would otherwise fail at once when another one writes.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": config.state_dir / f"{name}.sqlite3",
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
        },
        # None needs another: a test makes only those that it names.
        "TEST": {"NAME": config.state_dir / f"test-{name}.sqlite3", "DEPENDENCIES": []},
    }
