"""Which addresses count as public: one row a special range of the IANA registries."""

from __future__ import annotations

import ipaddress

import pytest

from auxws_proto._addresses import is_loopback_address, is_public_address


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "52.216.0.1",
        "2600:1f00::1",
        "[2600:1f00::1]",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "100.63.255.255",
        "100.128.0.0",
        "172.32.0.1",
    ],
)
def test_public(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "0.0.0.0",
        "0.1.2.3",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:808:808",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "2002:a00:1::1",
        "2002:808:808::1",
        "2001:0:808:808::1",
        "2001:db8::1",
        "2600:1f00::5efe:a00:1",
        "2600:1f00::200:5efe:7f00:1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "example.com",
        "",
        "2130706433",
        "0x7f.1",
        "127.1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public_address(address)


def test_parsed_addresses_are_taken_too() -> None:
    assert is_public_address(ipaddress.ip_address("8.8.8.8"))
    assert is_loopback_address(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback(address: str) -> None:
    assert is_loopback_address(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "::2", "::ffff:10.0.0.1", "localhost"])
def test_not_loopback(address: str) -> None:
    assert not is_loopback_address(address)
