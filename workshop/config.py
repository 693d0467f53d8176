"""What can be set from outside: one environment variable a field, parsed strictly, read by `load()`.

What must not load all of this, the health check and `make clean-state`, reads `VAR_DIR` and `PORT` itself.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from saga.steering import LONGEST_LAG_MS
from workshop import addresses, machine, secret_files

ROOT = Path(__file__).resolve().parent.parent
EVERY_ADDRESS = ("0.0.0.0", "::")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class ConfigError(Exception):
    """Raised when environment variables make no sense; `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def load() -> "Config":
    """Read the environment, and what it leaves open from files in SECRETS_DIR. Raises ConfigError."""
    secrets_dir = os.environ.get("SECRETS_DIR") or None
    if secrets_dir and not Path(secrets_dir).is_dir():
        raise ConfigError([f"SECRETS_DIR={secrets_dir}: there is no such directory"])
    try:
        return Config(_secrets_dir=secrets_dir)
    except ValidationError as error:
        raise ConfigError([_one_line(mistake) for mistake in error.errors()]) from error
    except SettingsError as error:  # of all that is set, only the addresses of ledgers can be JSON
        raise ConfigError(["LEDGER_DATABASE_URLS: give a JSON object of services and addresses"]) from error


def _names(value: object) -> object:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


def _lag(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", value)
    if match is None or not int(match[1]) <= int(match[2]) <= LONGEST_LAG_MS:
        raise ValueError(f"give the shortest and the longest in milliseconds, {LONGEST_LAG_MS} at most: 400,3000, say")
    return int(match[1]), int(match[2])


class Config(BaseSettings):
    """The settings of a run. A variable that is empty counts as not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True, env_nested_delimiter="__", frozen=True)

    host: str = Field("127.0.0.1", description="Address the web server listens on; 0.0.0.0 lets the class in.")
    port: int = Field(8000, ge=1, le=65535, description="Port the web server listens on.")
    kafka_bootstrap_servers: Annotated[str | None, AfterValidator(addresses.servers)] = Field(
        None, description="host:port of a Kafka cluster, or several with commas; without it a built-in broker is used."
    )
    kafka_prefix: Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9._-]*$")] = Field(
        "", description="Put before the names of topics and groups, where several workshops share a cluster."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with the cluster: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How to log in to the cluster: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_username: str | None = Field(None, description="User name at the cluster.")
    kafka_password: str | None = Field(None, repr=False, description="Password at the cluster.")
    kafka_ca_file: Path | None = Field(
        None, description="PEM file with the authority that signed the cluster's certificates, if the system lacks it."
    )
    kafka_cert_file: Path | None = Field(
        None, description="PEM file with our own certificate, for a cluster that asks for one; it may hold the key too."
    )
    kafka_key_file: Path | None = Field(None, description="PEM file with the key of that certificate, unencrypted.")
    database_url: Annotated[str | None, AfterValidator(addresses.database)] = Field(
        None,
        repr=False,
        description="PostgreSQL for the read model: postgresql://user@host:5432/name; without it a file in VAR_DIR.",
    )
    ledger_database_url: Annotated[str | None, AfterValidator(addresses.ledger_database)] = Field(
        None,
        repr=False,
        description="PostgreSQL for the ledgers, a database each: {service} in name or host stands for the service's.",
    )
    ledger_database_urls: Annotated[dict[str, str], AfterValidator(addresses.ledger_databases)] = Field(
        {},
        repr=False,
        description="The same for one service each, LEDGER_DATABASE_URLS__CAR for the car; "
        "or for several, as a JSON object.",
    )
    database_password: str = Field("", repr=False, description="Password for database URLs that hold none.")
    redis_url: Annotated[str | None, AfterValidator(addresses.redis)] = Field(
        None,
        repr=False,
        description="Redis that tells web processes what is new: redis://host:6379/0; one process needs none.",
    )
    backstage: bool = Field(
        True, description="Project, relay and watch in the web process; false leaves that to `manage.py project`."
    )
    secrets_dir: Path | None = Field(
        None, description="Directory of files that are named like settings, and hold what no variable should."
    )
    var_dir: Path = Field(ROOT / "var", description="Directory for everything a run leaves behind.")
    topic_partitions: int = Field(
        6, ge=1, le=1000, description="Partitions of each topic that is created; three always have one (see the table)."
    )
    secret_key: str | None = Field(
        None,
        min_length=20,
        repr=False,
        description="Signs cookies and tokens, 20 characters or more; without it one is made and kept in VAR_DIR.",
    )
    debug: bool = Field(False, description="Show tracebacks in the browser; refused where others can reach it.")
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines as text for people, or as json for programs, then with a line for each event."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Further host names under which the page may be opened, with commas between."
    )
    https: bool = Field(
        False, description="A proxy in front speaks TLS: only https is answered, and its X-Forwarded- headers count."
    )
    instructor_password: str | None = Field(
        None,
        min_length=8,
        repr=False,
        description="Password (8 characters or more) of the instructor, who alone may then break, kill and rescue; "
        "needed as soon as HOST, ALLOWED_HOSTS or HTTPS lets others in.",
    )
    commands_per_minute: int = Field(
        1200, ge=0, description="Requests that change something, a minute and browser; 0 for any number."
    )
    sagas_per_minute: int = Field(60_000, ge=0, description="Sagas to start, a minute and browser; 0 for any number.")
    in_flight_limit: int = Field(
        2000, ge=1, description="Sagas fed to the broker and not ended yet; further ones wait in the database."
    )
    saga_deadline_s: float = Field(
        60.0, ge=1, le=86_400, description="Seconds that a saga may make no progress before it is flagged as stuck."
    )
    lag_ms: Annotated[tuple[int, int], NoDecode, BeforeValidator(_lag)] = Field(
        (400, 3000),
        description="Shortest and longest time a step takes, in milliseconds, in a new database; then the page says.",
    )
    retention_days: int = Field(
        7, ge=0, le=36_500, description="Days after which a saga that has ended is forgotten everywhere; 0 keeps all."
    )
    retention_sagas: int = Field(
        200_000, ge=0, description="Sagas that have ended to keep, the newest; older ones are forgotten; 0 keeps all."
    )
    work_limit: int = Field(
        1000, ge=1, le=10_000, description="Events that one instance of a service works on at the same time."
    )
    email_host: str | None = Field(None, description="SMTP server; without it e-mails become files in VAR_DIR/mail.")
    email_port: int = Field(25, ge=1, le=65535, description="Port of the SMTP server.")
    email_host_user: str = Field("", description="User name at the SMTP server.")
    email_host_password: str = Field("", repr=False, description="Password at the SMTP server.")
    email_use_tls: bool = Field(False, description="Speak STARTTLS with the SMTP server.")
    default_from_email: str = Field("Saga Workshop <workshop@example.com>", description="Sender of the e-mails.")

    @property
    def is_embedded(self) -> bool:
        return self.kafka_bootstrap_servers is None

    @property
    def kafka_security(self) -> dict[str, str]:
        """Return what the client library is told about TLS and about logging in."""
        said = {
            "security_protocol": self.kafka_security_protocol,
            "ssl_cafile": str(self.kafka_ca_file or ""),
            "ssl_certfile": str(self.kafka_cert_file or ""),
            "ssl_keyfile": str(self.kafka_key_file or ""),
            "sasl_mechanism": self.kafka_sasl_mechanism,
            "sasl_plain_username": self.kafka_username,
            "sasl_plain_password": self.kafka_password,
        }
        return {name: value for name, value in said.items() if value}

    @property
    def perform_threads(self) -> int:
        """How many pieces of work a service performs at once: several where it waits for a mail server."""
        return 8 if self.email_host else 1

    @property
    def state_dir(self) -> Path:
        return self.var_dir.expanduser().absolute()

    @property
    def run_dir(self) -> Path:
        """Where the processes of a run leave notes for each other."""
        return self.state_dir / "run"

    @property
    def broker_file(self) -> Path:
        """Where the embedded broker, which cannot choose its port, writes its address."""
        return self.run_dir / "broker"

    @property
    def processes_file(self) -> Path:
        """Where the supervisor tells how the processes are."""
        return self.run_dir / "processes.json"

    def ledger(self, service: str) -> str | None:
        """Return the address of a ledger's database; without one it is a file."""
        of_all = self.ledger_database_url
        return self.ledger_database_urls.get(service) or (of_all and of_all.replace(addresses.SERVICE, service))

    def hosts(self) -> list[str]:
        """Return the names under which the page answers: loopback, HOST or every own one, and the allowed ones."""
        own = machine.names() if self.host in EVERY_ADDRESS else [machine.in_url(self.host)]
        return list(dict.fromkeys([*LOOPBACK, *own, *self.allowed_hosts]))

    def url(self) -> str:
        """Return what to type into a browser, also on another machine if this one can be reached from there."""
        host = (machine.address() or "127.0.0.1") if self.host in EVERY_ADDRESS else self.host
        return f"http://{machine.in_url(host)}:{self.port}/"

    def key(self) -> str:
        """Return SECRET_KEY, or the key that the state directory has kept since its first run. Raises ConfigError."""
        try:
            return self.secret_key or secret_files.kept_key(self.state_dir / "secret_key")
        except OSError as error:
            raise ConfigError([f"VAR_DIR={self.state_dir}: {error.strerror}"]) from error


def _one_line(mistake: Mapping[str, Any]) -> str:
    """Name the variable and what is wrong with it; what is secret is not repeated on the screen."""
    field = str(mistake["loc"][0])
    given = f"={mistake['input']}" if Config.model_fields[field].repr else ""
    reason = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{field.upper()}{given}: {reason}"
