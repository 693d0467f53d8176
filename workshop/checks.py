"""Settings that are right one by one and wrong together: Django system checks, made at every start."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from saga.topics import SERVICES
from workshop.config import Config

TAG = "workshop"
# What is asked of a process that serves the page only. The others are given neither HOST nor the password.
WEB_TAG = "workshop-web"


class Rule(NamedTuple):
    id: str
    is_broken: Callable[[Config], Any]
    message: str
    hint: str


RULES = (
    Rule(
        "workshop.E001",
        lambda config: config.is_embedded and config.kafka_security != {"security_protocol": "PLAINTEXT"},
        "The built-in broker knows neither TLS nor users.",
        "Name your cluster in KAFKA_BOOTSTRAP_SERVERS, or take the other KAFKA_ variables away.",
    ),
    Rule(
        "workshop.E002",
        lambda config: _sasl(config) and None in _login(config),
        "Logging in to Kafka needs a mechanism, a user name and a password.",
        "Set KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD.",
    ),
    Rule(
        "workshop.E003",
        lambda config: not _sasl(config) and any(_login(config)),
        "There is a user for Kafka, and a protocol that does not log in.",
        "Set KAFKA_SECURITY_PROTOCOL to SASL_SSL, or to SASL_PLAINTEXT inside a network of your own.",
    ),
    Rule(
        "workshop.E004",
        lambda config: _tls_files(config) and not _tls(config),
        "KAFKA_CA_FILE, KAFKA_CERT_FILE and KAFKA_KEY_FILE are of no use to a protocol without TLS.",
        "Set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL.",
    ),
    Rule(
        "workshop.E005",
        lambda config: not all(file.is_file() for file in _tls_files(config)),
        "KAFKA_CA_FILE, KAFKA_CERT_FILE or KAFKA_KEY_FILE names no file.",
        "They are the PEM files that come with your cluster; in a container they must be mounted.",
    ),
    Rule(
        "workshop.E011",
        lambda config: config.kafka_key_file and not config.kafka_cert_file,
        "KAFKA_KEY_FILE is the key of a certificate, and there is none.",
        "Set KAFKA_CERT_FILE as well.",
    ),
    Rule(
        "workshop.E006",
        lambda config: len({bool(url) for url in (config.database_url, *map(config.ledger, SERVICES))}) > 1,
        "Of read model and ledgers, some would be in PostgreSQL and the others in files.",
        "Set both DATABASE_URL and LEDGER_DATABASE_URL (or one of LEDGER_DATABASE_URLS for each service), or neither.",
    ),
    Rule(
        "workshop.E007",
        lambda config: not config.backstage and not config.redis_url,
        "A web process without its backstage would hear of no change: the in-memory layer ends at the process.",
        "Set REDIS_URL, or take BACKSTAGE=false away.",
    ),
    Rule(
        "workshop.E009",
        lambda config: config.kafka_prefix and config.is_embedded,
        "KAFKA_PREFIX is for a cluster, and the built-in broker is none: nobody else's messages are there.",
        "Set KAFKA_BOOTSTRAP_SERVERS, or take KAFKA_PREFIX away.",
    ),
)
_ALONE = "let nobody in: leave HOST at 127.0.0.1, HTTPS at false, and in ALLOWED_HOSTS no name but localhost"
WEB_RULES = (
    Rule(
        "workshop.E008",
        lambda config: _is_reachable(config) and not config.instructor_password,
        "The page can be reached from other machines, and whoever reaches it could break and kill everything.",
        "Set INSTRUCTOR_PASSWORD (8 characters or more), put it into the file instructor_password in SECRETS_DIR, "
        f"or {_ALONE}.",
    ),
    Rule(
        "workshop.E010",
        lambda config: _is_reachable(config) and config.debug,
        "The page can be reached from other machines, and tracebacks show settings, passwords in addresses among them.",
        f"Take DEBUG=true away, or {_ALONE}.",
    ),
)


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    return broken_rules(settings.CONFIG)


@register(WEB_TAG)
def check_web_settings(**kwargs: Any) -> list[CheckMessage]:
    return broken_rules(settings.CONFIG, WEB_RULES)


def broken_rules(config: Config, rules: Iterable[Rule] = RULES) -> list[CheckMessage]:
    return [Error(rule.message, hint=rule.hint, id=rule.id) for rule in rules if rule.is_broken(config)]


def _is_reachable(config: Config) -> bool:
    """Return whether others than this machine's own programs and people can have the page, by themselves or a proxy.

    A page on loopback that answers to a further name is one that a proxy lets others have.
    """
    return config.https or not all(map(_is_loopback, (config.host, *config.allowed_hosts)))


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def _tls(config: Config) -> bool:
    return config.kafka_security_protocol.endswith("SSL")


def _tls_files(config: Config) -> list[Path]:
    return [file for file in (config.kafka_ca_file, config.kafka_cert_file, config.kafka_key_file) if file]


def _sasl(config: Config) -> bool:
    return config.kafka_security_protocol.startswith("SASL")


def _login(config: Config) -> tuple[str | None, ...]:
    return config.kafka_sasl_mechanism, config.kafka_username, config.kafka_password
