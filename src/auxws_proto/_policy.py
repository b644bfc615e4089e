"""Which URLs of the server are obeyed, and with which headers.

It knows schemes, hosts and header names. It must not know who wants the URL, nor any address that a
name resolves to: that is checked where the connection is made. A refusal is returned, not raised:
it concerns one message, and receiving never raises.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import SplitResult, parse_qs, urlsplit

from ._errors import UrlRefused
from ._events import HeaderPairs

FORBIDDEN_HEADERS: Final = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "authorization",
        "cookie",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
    }
)
"""Headers that belong to whoever makes the request; the server may not set them."""

MAX_URL_SIZE: Final = 16_384
MAX_HEADERS: Final = 64
MAX_HEADER_SIZE: Final = 8_192

_METHODS: Final = {"upload": "PUT", "download": "GET"}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_HOST = re.compile(r"[a-z0-9._-]+\Z|[0-9a-f:.]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPolicy:
    """What the server may ask this side to fetch and to put.

    By default: ``https`` (plain ``http`` only to loopback, and only while the WebSocket itself is
    on loopback), hosts of ``amazonaws.com``, ``amazonaws.com.cn`` and of the WebSocket's own
    domain, the scheme's own port. ``allow_hosts`` lists the hosts (a leading dot admits the domain
    and its subdomains); ``allow_any_host`` and ``allow_insecure`` opt out. ``allow_ports`` adds
    ports. ``allow_private_addresses`` is for the drivers, which check the address that they connect
    to.
    """

    allow_hosts: tuple[str, ...] = (".amazonaws.com", ".amazonaws.com.cn")
    allow_any_host: bool = False
    allow_insecure: bool = False
    allow_ports: tuple[int, ...] = ()
    allow_private_addresses: bool = False


Use = Literal["upload", "download"]


def check_url(
    policy: UrlPolicy, url: str, method: str, websocket_url: str | None, use: Use | None = None
) -> UrlRefused | None:
    """Why this URL may not be asked for, or None if it may.

    ``use`` says what it is for; without it PUT and GET are both admitted (as for a redirect).
    """
    allowed = (_METHODS[use],) if use is not None else tuple(_METHODS.values())
    if method not in allowed:
        return UrlRefused("method", f"only {' or '.join(allowed)} is allowed here")
    if len(url) > MAX_URL_SIZE:
        return UrlRefused("length", f"{len(url)} characters; the limit is {MAX_URL_SIZE}")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return UrlRefused("characters", "a URL must be printable ASCII without spaces")
    parts = _split(url)
    if parts is None or not parts.hostname:
        return UrlRefused("syntax", "not an absolute URL")
    host = parts.hostname.rstrip(".")
    if parts.scheme not in ("http", "https"):
        return UrlRefused("scheme", "only https is allowed")
    if "@" in parts.netloc:
        return UrlRefused("userinfo", "a URL must not hold a user or a password")
    if "#" in url:
        return UrlRefused("fragment", "a URL must not hold a fragment")
    if not _HOST.match(host):
        return UrlRefused("host", "not a host name or an address")
    return _check_place(policy, parts, host, websocket_url)


def _check_place(
    policy: UrlPolicy, parts: SplitResult, host: str, websocket_url: str | None
) -> UrlRefused | None:
    own = websocket_host(websocket_url)
    local = is_loopback(own) and is_loopback(host)
    if parts.scheme == "http" and not (local or policy.allow_insecure):
        return UrlRefused("scheme", "plain http is allowed only on loopback")
    if local:
        return None
    if is_loopback(host) and not policy.allow_private_addresses:
        return UrlRefused("loopback", "loopback is allowed only if the WebSocket is on it")
    port = _port(parts)
    if port != _DEFAULT_PORTS[parts.scheme] and port not in policy.allow_ports and host != own:
        return UrlRefused("port", f"port {port} is not allowed")
    if policy.allow_any_host or any(_matches(host, rule) for rule in policy.allow_hosts):
        return None
    if own and not is_address(own) and _matches(host, "." + own):
        return None
    if own == host:
        return None
    return UrlRefused("host", "the host is not one of those that the policy allows")


def websocket_host(url: str | None) -> str:
    """The host of the WebSocket's URL, or an empty string."""
    parts = _split(url or "")
    return (parts.hostname or "").rstrip(".") if parts is not None else ""


def is_loopback(host: str) -> bool:
    """Whether this host can only be this machine: RFC 6761 §6.3, or an address of RFC 1122."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether this host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _matches(host: str, rule: str) -> bool:
    rule = rule.lower()
    if rule.startswith("."):
        return host == rule[1:] or host.endswith(rule)
    return host == rule


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit("".join((url,)))
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]


def signed_headers(url: str) -> frozenset[str] | None:
    """The header names that a SigV4 query signs, in lower case; None without such a query (§8)."""
    parts = _split(url)
    query = parse_qs(parts.query) if parts is not None else {}
    lowered = {name.lower(): values for name, values in query.items()}
    if "x-amz-signature" not in lowered:
        return None
    names = lowered.get("x-amz-signedheaders", [""])[0]
    return frozenset(name.strip().lower() for name in names.split(";") if name.strip())


def upload_headers(url: str, headers: Mapping[str, str]) -> dict[str, str] | UrlRefused:
    """The headers of a PUT: ours, overridden by the server's (§3), as the store needs (§8)."""
    merged = {"content-type": ("Content-Type", "application/json")}
    signed = signed_headers(url)
    # "send x-amz-acl only if it is signed, or the URL has no SigV4 query" (§8).
    if signed is None or "x-amz-acl" in signed:
        merged["x-amz-acl"] = ("x-amz-acl", "bucket-owner-full-control")
    return _merge(merged, headers)


def download_headers(headers: Mapping[str, str]) -> dict[str, str] | UrlRefused:
    """The headers of a GET: the server's alone; a presigned GET signs ``host`` only (§8)."""
    return _merge({}, headers)


def _merge(
    merged: dict[str, tuple[str, str]], headers: Mapping[str, str]
) -> dict[str, str] | UrlRefused:
    if len(headers) > MAX_HEADERS:
        return UrlRefused("headers", f"{len(headers)} headers; the limit is {MAX_HEADERS}")
    for name, value in headers.items():
        problem = header_problem(name, value)
        if problem is not None:
            return UrlRefused("header_syntax", problem)
        lowered = name.lower()
        if lowered in FORBIDDEN_HEADERS or lowered.startswith("proxy-"):
            return UrlRefused("header", f"the server may not set {lowered}")
        merged[lowered] = (name, value)
    return dict(merged.values())


def header_problem(name: object, value: object) -> str | None:
    """What is wrong with this header (RFC 9110 §5), or None."""
    if not isinstance(name, str) or not isinstance(value, str):
        return "names and values must be str"
    if not _TOKEN.match(name):
        return "its name is not a token"
    if len(value) > MAX_HEADER_SIZE:
        return (
            f"the value of {name} has {len(value):,} characters; the limit is {MAX_HEADER_SIZE:,}"
        )
    if not _VALUE.match(value) or value != value.strip(" \t"):
        return f"the value of {name} holds characters that a header must not hold"
    return None


def header_pairs(headers: HeaderPairs) -> tuple[tuple[str, str], ...]:
    """Headers as pairs, whichever way they were given."""
    if isinstance(headers, Mapping):
        return tuple(cast("Mapping[str, str]", headers).items())
    return tuple(headers)


def header_size(headers: HeaderPairs) -> int:
    """The bytes of these headers, names and values."""
    return sum(len(name) + len(value) for name, value in header_pairs(headers))


def without_query(url: str) -> str:
    """A URL's origin and path, byte for byte, which is how an upload is announced (§3)."""
    return "".join((url,)).partition("#")[0].partition("?")[0]
