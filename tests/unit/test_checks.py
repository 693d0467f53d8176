"""Settings that are wrong together are named before anything starts, with a way out."""

from pathlib import Path
from typing import Any

import pytest

from saga.topics import SERVICES
from workshop.checks import RULES, WEB_RULES, broken_rules
from workshop.config import Config

KAFKA = {"kafka_bootstrap_servers": "kafka:9092"}
SASL = {**KAFKA, "kafka_security_protocol": "SASL_SSL"}
LOGIN = {"kafka_sasl_mechanism": "PLAIN", "kafka_username": "me", "kafka_password": "open sesame"}
READ_MODEL = {"database_url": "postgresql://db/dashboard"}
TLS = {**KAFKA, "kafka_security_protocol": "SSL"}
LEDGER = "postgresql://db/ledger"
LEDGERS = {"ledger_database_url": "postgresql://db/ledger_{service}"}
REDIS = {"redis_url": "redis://redis:6379/0"}
HERE = Path(__file__)
PASSWORD = {"instructor_password": "open sesame"}
EVERY_RULE = (*RULES, *WEB_RULES)

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "TLS with the built-in broker": ({"kafka_security_protocol": "SSL"}, "E001"),
    "no mechanism": ({**SASL, **LOGIN, "kafka_sasl_mechanism": None}, "E002"),
    "no user name": ({**SASL, **LOGIN, "kafka_username": None}, "E002"),
    "no password": ({**SASL, **LOGIN, "kafka_password": None}, "E002"),
    "a password for nobody": ({**KAFKA, "kafka_password": "open sesame"}, "E003"),
    "a user, and TLS without login": ({**KAFKA, **LOGIN, "kafka_security_protocol": "SSL"}, "E003"),
    "an authority without TLS": ({**KAFKA, "kafka_ca_file": HERE}, "E004"),
    "an authority that is not there": ({**SASL, **LOGIN, "kafka_ca_file": HERE / "ca.pem"}, "E005"),
    "a certificate without TLS": ({**KAFKA, "kafka_cert_file": HERE}, "E004"),
    "a certificate that is not there": ({**TLS, "kafka_cert_file": HERE / "client.pem"}, "E005"),
    "a key that is not there": ({**TLS, "kafka_cert_file": HERE, "kafka_key_file": HERE / "client.key"}, "E005"),
    "a key to no certificate": ({**TLS, "kafka_key_file": HERE}, "E011"),
    "a prefix for the built-in broker": ({"kafka_prefix": "ada."}, "E009"),
    "only the read model in PostgreSQL": (READ_MODEL, "E006"),
    "only the ledgers in PostgreSQL": (LEDGERS, "E006"),
    "only one of the ledgers in PostgreSQL": ({"ledger_database_urls": {"car": LEDGER}}, "E006"),
    "the read model and one of the ledgers": ({**READ_MODEL, "ledger_database_urls": {"car": LEDGER}}, "E006"),
    "two processes without Redis": ({"backstage": False}, "E007"),
    "open to the network without a password": ({"host": "0.0.0.0"}, "E008"),
    "open to the network by IPv6": ({"host": "::"}, "E008"),
    "at an address of the network": ({"host": "192.0.2.7"}, "E008"),
    "at a name": ({"host": "workshop.example.com"}, "E008"),
    "at a name that ends like loopback's": ({"allowed_hosts": ("evil-localhost",)}, "E008"),
    "behind a proxy without a password": ({"https": True}, "E008"),
    "behind a proxy without TLS, by its name": ({"allowed_hosts": ("localhost", "workshop.example.com")}, "E008"),
    "by every name of a domain": ({"allowed_hosts": (".example.com",)}, "E008"),
    "by any name": ({"allowed_hosts": ("*",)}, "E008"),
    "by an address of the network": ({"allowed_hosts": ("192.0.2.7",)}, "E008"),
    "tracebacks for the network": ({"host": "0.0.0.0", "debug": True, **PASSWORD}, "E010"),
    "tracebacks behind a proxy": ({"allowed_hosts": ("*",), "debug": True, **PASSWORD}, "E010"),
}
RIGHT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "open to the network with a password": {"host": "0.0.0.0", **PASSWORD},
    "behind a proxy with a password": {"https": True, **PASSWORD},
    "by another name with a password": {"allowed_hosts": ("workshop.example.com",), **PASSWORD},
    "by the names of loopback": {"allowed_hosts": ("localhost", "127.0.0.1", "[::1]")},
    "loopback by name": {"host": "localhost"},
    "tracebacks on loopback": {"debug": True},
    "another loopback": {"host": "127.0.0.2"},
    "loopback by IPv6": {"host": "::1"},
    "a cluster": KAFKA,
    "a cluster with TLS": TLS,
    "a cluster with TLS and an authority": {**TLS, "kafka_ca_file": HERE},
    "a cluster that asks for a certificate": {**TLS, "kafka_cert_file": HERE},
    "a cluster that asks for one whose key is elsewhere": {**TLS, "kafka_cert_file": HERE, "kafka_key_file": HERE},
    "a cluster with login": {**SASL, **LOGIN},
    "PostgreSQL": {**READ_MODEL, **LEDGERS},
    "PostgreSQL, each ledger by an address of its own": {
        **READ_MODEL,
        "ledger_database_urls": {service: f"{LEDGER}_{service}" for service in SERVICES},
    },
    "Redis": REDIS,
    "the stack": {**KAFKA, **READ_MODEL, **LEDGERS, **REDIS, "backstage": False},
}


@pytest.mark.parametrize(("given", "id"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_together_is_named_with_a_hint(given: dict[str, Any], id: str) -> None:
    [error] = broken_rules(Config(**given), EVERY_RULE)
    assert (error.id, bool(error.hint)) == (f"workshop.{id}", True)


@pytest.mark.parametrize("given", RIGHT.values(), ids=RIGHT)
def test_what_is_right_together_is_let_pass(given: dict[str, Any]) -> None:
    assert broken_rules(Config(**given), EVERY_RULE) == []


def test_every_rule_is_broken_by_some_setting() -> None:
    assert {f"workshop.{id}" for _, id in WRONG.values()} == {rule.id for rule in EVERY_RULE}


def test_only_who_serves_the_page_needs_the_password() -> None:
    assert broken_rules(Config(host="0.0.0.0")) == []
