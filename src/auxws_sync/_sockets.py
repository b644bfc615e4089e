"""Small things about sockets, addresses, proxies and TLS that several modules need.

It knows one socket or one setting at a time. It must not know what either is for.
"""

from __future__ import annotations

import functools
import os
import socket
import ssl as tls

from auxws_proto import LocalProtocolError, Secret

_PROXY_SCHEMES = ("http", "socks5", "socks4")


@functools.cache
def default_tls() -> tls.SSLContext:
    """The TLS context of whoever brings none: made once, since loading the roots costs 20 ms."""
    return tls.create_default_context()


def check_proxy(proxy: str | None) -> Secret | None:
    """The proxy's URL, hidden, for it may hold a password. Raises `LocalProtocolError`."""
    if proxy is None:
        return None
    # Imported here: most programs have no proxy, and need not pay for it.
    from python_socks import parse_proxy_url

    scheme = proxy.partition("://")[0].lower()
    if scheme not in _PROXY_SCHEMES:
        raise LocalProtocolError(
            f"the proxy's URL begins with {scheme!r}; it must be one of {', '.join(_PROXY_SCHEMES)}"
        )
    try:
        parse_proxy_url(proxy)
    except ValueError:
        raise LocalProtocolError("the proxy's URL needs a host and a port") from None
    return Secret(proxy)


def is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def set_nodelay(sock: socket.socket) -> None:
    """Switch Nagle's algorithm off, where the socket has one."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def shut_down(sock: socket.socket) -> None:
    """Wake whoever waits for this socket; safe from any thread."""
    try:
        # The plain method: that of an `ssl.SSLSocket` would drop the state that its owner uses.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        # It is not connected, or closed already: nobody waits.
        return


def reason_of(error: BaseException) -> str:
    """What an error of the system means, without whatever its text quotes."""
    if isinstance(error, tls.SSLCertVerificationError):
        return error.verify_message or "the certificate was refused"
    if isinstance(error, tls.SSLError):
        return (getattr(error, "reason", None) or "TLS failed").replace("_", " ").lower()
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "timed out" if isinstance(error, TimeoutError) else type(error).__name__
