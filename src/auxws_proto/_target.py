"""A WebSocket's URL, taken apart for the handshake.

It knows schemes, hosts and paths (``docs/protocol.md`` §1). It must not know the rest of the
handshake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ._errors import LocalProtocolError
from ._events import HeaderPairs
from ._policy import UrlPolicy, header_pairs, header_problem, is_loopback

_SCHEMES: Final = {"ws": False, "http": False, "wss": True, "https": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a WebSocket connects to."""

    host: str
    port: int
    is_secure: bool
    path: str
    """With the query."""

    @property
    def host_header(self) -> str:
        """The Host header: without the scheme's own port (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL, as the reference has it (§1)."""
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://{self.host_header}"


def parse_target(url: object) -> Target:
    """Take a URL apart; ``http`` and ``https`` stand for ``ws`` and ``wss``.

    Raises `LocalProtocolError` for what is no such URL, or no `str`. The text does not quote it: it
    may be signed.
    """
    if not isinstance(url, str):
        raise LocalProtocolError(f"the URL must be a str, not {type(url).__name__}")
    text = "".join((url,))
    # `urlsplit` would drop some of these, and connect elsewhere than what was written.
    if not text.isprintable() or " " in text:
        raise LocalProtocolError(
            "the WebSocket's URL must hold no spaces and no control characters"
        )
    try:
        parts = urlsplit(text)
        port, name = parts.port, parts.hostname
    except ValueError:
        raise LocalProtocolError("the WebSocket's URL cannot be taken apart") from None
    if parts.scheme not in _SCHEMES:
        raise LocalProtocolError(
            f"the WebSocket's URL has the scheme {parts.scheme!r}; it must be one of "
            f"{', '.join(_SCHEMES)}"
        )
    if not name:
        raise LocalProtocolError("the WebSocket's URL names no host")
    if "@" in parts.netloc:
        raise LocalProtocolError("the WebSocket's URL must not hold a user or a password")
    if parts.fragment:
        raise LocalProtocolError("the WebSocket's URL must not hold a fragment (RFC 6455 §3)")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise LocalProtocolError("the WebSocket's URL must be percent-encoded ASCII")
    try:
        host = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise LocalProtocolError("the WebSocket's host name is not valid") from None
    secure = _SCHEMES[parts.scheme]
    if port is None:
        port = 443 if secure else 80
    return Target(host=host, port=port, is_secure=secure, path=path)


def check_encryption(target: Target, policy: UrlPolicy) -> None:
    """Refuse a WebSocket without TLS to any other machine: tokens and upload URLs go over it.

    Raises `LocalProtocolError`, which names the rule and the way out.
    """
    if not (target.is_secure or policy.allow_insecure or is_loopback(target.host.rstrip("."))):
        raise LocalProtocolError(
            f"the rule 'scheme' refuses ws: and http: to {target.host}, which is not loopback: use "
            "wss:, or allow it with Config(url_policy=UrlPolicy(allow_insecure=True))"
        )


def check_headers(headers: HeaderPairs) -> tuple[tuple[str, str], ...]:
    """The application's headers for the handshake, checked; raises `LocalProtocolError`."""
    pairs = header_pairs(headers)
    for name, value in pairs:
        problem = header_problem(name, value)
        if problem is not None:
            raise LocalProtocolError(f"a header of the handshake: {problem}")
        if name.lower().startswith("sec-websocket-") or name.lower() in (
            "host", "connection", "upgrade", "content-length", "transfer-encoding",
        ):  # fmt: skip
            raise LocalProtocolError(f"the header {name} belongs to the handshake itself")
    return pairs
