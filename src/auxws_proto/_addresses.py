"""Which IP addresses belong to the public internet.

It knows address ranges (IANA's special-purpose registries, through `ipaddress`). It must not know
who connects where, nor resolve any name.

Strategy: an address that carries another one inside (IPv4-mapped, NAT64, ISATAP) is judged by both
its own range and the address inside: what a gateway on the way unwraps must not lead inwards.
Deprecated ways of carrying one (6to4, Teredo, IPv4-compatible) are refused whole.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 6052 §2.1 and RFC 8215: 96 bits of prefix, then the IPv4 address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
# RFC 4291 §2.5.5.1 (deprecated), and ISATAP's interface identifier (RFC 5214 §6.1).
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})

_REFUSED = (
    ipaddress.ip_network("100.64.0.0/10"),  # RFC 6598: carrier-grade NAT
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890: protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # RFC 7526: 6to4 relays, deprecated
    ipaddress.ip_network("fec0::/10"),  # RFC 3879: site-local, deprecated
    ipaddress.ip_network("2001::/23"),  # RFC 2928: protocol assignments, Teredo among them
    ipaddress.ip_network("2002::/16"),  # RFC 7526: 6to4, deprecated
    _NAT64_LOCAL,
    _COMPATIBLE,
    _TRANSLATED,
)


def is_public_address(address: str | Address) -> bool:
    """Whether ``address`` is a public unicast address, and so is every address inside it.

    False for loopback, private, link-local, shared (100.64.0.0/10), multicast, reserved and
    unspecified ranges, for 6to4, Teredo, IPv4-compatible and locally translated addresses, and for
    text that is no IP address. A scope (``fe80::1%eth0``) is ignored.
    """
    parsed = _parse(address)
    if parsed is None:
        return False
    return _is_public(parsed) and all(_is_public(inner) for inner in _inside(parsed))


def is_loopback_address(address: str | Address) -> bool:
    """Whether ``address`` is this machine's own loopback, IPv4-mapped or not."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed is not None and parsed.is_loopback


def _parse(address: str | Address) -> Address | None:
    if not isinstance(address, str):
        return address
    try:
        return ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address in _NAT64:
            return True
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _REFUSED)


def _inside(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that ``address`` embeds."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address in _NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
