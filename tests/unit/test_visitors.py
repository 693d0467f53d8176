"""Who asks is known by a cookie of ours, or by an address that nobody can choose freely."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from dashboard.web.visitors import UNKNOWN, address_of, is_on_this_machine, network_of


def request(address: str, **headers: str) -> HttpRequest:
    return RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)


ADDRESSES = {
    "IPv4": ("203.0.113.7", "203.0.113.7"),
    "IPv4 at a socket for both kinds": ("::ffff:203.0.113.7", "203.0.113.7"),
    "IPv6, of which one machine has many": ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    "IPv6 with a zone": ("fe80::1%eth0", "fe80::/64"),
    "a socket without addresses": ("", UNKNOWN),
}


@pytest.mark.parametrize(("address", "network"), ADDRESSES.values(), ids=ADDRESSES)
def test_a_sender_is_known_by_its_network(address: str, network: str) -> None:
    assert network_of(request(address)) == network


CLAIM = {"X-Forwarded-For": "198.51.100.1, 198.51.100.2"}


def test_what_a_sender_claims_does_not_count(settings: Any) -> None:
    assert address_of(request("203.0.113.7", **CLAIM)) == "203.0.113.7"


def test_what_the_proxy_added_counts(settings: Any) -> None:
    settings.HTTPS = True
    assert address_of(request("127.0.0.1", **CLAIM)) == "198.51.100.2"
    assert address_of(request("127.0.0.1")) == "127.0.0.1"


@pytest.mark.parametrize("claim", ["evil\r\nline", "unknown", "203.0.113.7:4711", ""])
def test_what_is_no_address_is_not_repeated(settings: Any, claim: str) -> None:
    settings.HTTPS = True
    assert address_of(request("127.0.0.1", **{"X-Forwarded-For": claim})) == "127.0.0.1"


def test_of_an_address_only_what_is_one_is_repeated(settings: Any) -> None:
    settings.HTTPS = True
    assert address_of(request("127.0.0.1", **{"X-Forwarded-For": "fe80::1%evil"})) == "fe80::1"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_a_program_on_this_machine_is_known_by_its_address(address: str) -> None:
    assert is_on_this_machine(request(address))


PASSED_ON = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"]


@pytest.mark.parametrize("header", PASSED_ON)
def test_what_a_proxy_on_this_machine_passes_on_comes_from_elsewhere(header: str) -> None:
    assert not is_on_this_machine(request("127.0.0.1", **{header: "x"}))


@pytest.mark.parametrize("address", ["203.0.113.7", "172.18.0.1", "", "localhost"])
def test_other_addresses_are_elsewhere(address: str) -> None:
    assert not is_on_this_machine(request(address))
