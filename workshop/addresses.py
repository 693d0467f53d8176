"""Addresses of other systems, as they may stand in a setting. Each function returns what it is given, or refuses it.

Reasons never repeat the address: it may hold a password.
"""

import re
from collections.abc import Mapping

from saga.topics import SERVICES

SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+):\d{1,5}")
SERVICE = "{service}"


def servers(value: str | None) -> str | None:
    if value is not None and not all(SERVER.fullmatch(server.strip()) for server in value.split(",")):
        raise ValueError("give host:port, or several with commas between")
    return value


def database(value: str | None) -> str | None:
    if value is not None:
        parts_of_database(value)
    return value


def ledger_database(value: str | None) -> str | None:
    if value is not None and not any(SERVICE in parts_of_database(value).get(part, "") for part in ("dbname", "host")):
        raise ValueError(f"the database's name or host must contain {SERVICE}: each service has a ledger of its own")
    return value


def ledger_databases(value: Mapping[str, str]) -> Mapping[str, str]:
    if unknown := value.keys() - set(SERVICES):
        raise ValueError(f"there is no service {', '.join(sorted(unknown))}, but {', '.join(SERVICES)}")
    for url in value.values():
        parts_of_database(url)
    return value


def parts_of_database(url: str) -> dict[str, str]:
    """Return the parts of a PostgreSQL URL by libpq's names, `dbname` among them. Raises ValueError."""
    # Only who has such a setting waits for the driver to be loaded.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        # Braces are not allowed in a URL, though libpq lets them pass.
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        parts = {}
    if not url.startswith(("postgresql://", "postgres://")) or not parts.get("dbname"):
        raise ValueError("give postgresql://user:password@host:port/database")
    return {name: str(part) for name, part in parts.items()}


def redis(value: str | None) -> str | None:
    if value is not None:
        # Only who has such a setting waits for the client to be loaded.
        from redis import ConnectionPool

        try:
            parts = ConnectionPool.from_url(value).connection_kwargs
        except ValueError:
            parts = {}
        if not parts.keys() & {"host", "path"}:
            raise ValueError("give redis://host:port/0, or rediss:// for TLS")
    return value
