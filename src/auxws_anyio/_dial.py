"""Opening a byte stream to a host: names, addresses, proxies, TLS.

It knows sockets. It must not know the WebSocket, HTTP, or the machine; nor any timeout: whoever
waits cancels. Every fault comes out as `DialFailed`, whose text holds no URL.

Addresses are tried as RFC 8305 ("happy eyeballs") says, reduced to what matters: in the resolver's
order, the next one 250 ms after the last or as soon as that failed, and the first to answer wins.
"""

from __future__ import annotations

import errno
import functools
import math
import os
import socket
import ssl as tls
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from auxws_proto import LocalProtocolError, Secret, TransportFailure

from ._socket import TcpStream, connect_tcp

STAGGER = 0.25
"""RFC 8305 §5: the recommended Connection Attempt Delay."""

AddressCheck = Callable[[str], bool]
"""Whether this numeric address may be connected to."""

_PROXY_SCHEMES = ("http", "socks5", "socks4")


class DialFailed(Exception):
    """The attempt failed; `failure` says how. ``kind`` is that of a `TransportFailure`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.failure = TransportFailure(kind=kind, detail=detail)


@functools.cache
def default_tls() -> tls.SSLContext:
    """The TLS context of whoever brings none: made once, since loading the roots costs 20 ms."""
    return tls.create_default_context()


def reason_of(error: BaseException) -> str:
    """What an error of the system means, without whatever its text quotes."""
    if isinstance(error, tls.SSLCertVerificationError):
        return error.verify_message or "the certificate was refused"
    if isinstance(error, tls.SSLError):
        return (getattr(error, "reason", None) or "TLS failed").replace("_", " ").lower()
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved"
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    if error.__cause__ is not None:
        return reason_of(error.__cause__)
    return type(error).__name__


def check_proxy(proxy: str | None) -> Secret | None:
    """The proxy's URL, hidden, for it may hold a password. Raises `LocalProtocolError`."""
    if proxy is None:
        return None
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


async def dial(
    host: str, port: int, *, proxy: Secret | None = None, check: AddressCheck | None = None
) -> ByteStream:
    """A connected stream to ``host``, through ``proxy`` if there is one.

    Only addresses that pass ``check`` are connected to; through a proxy nothing but an address in
    the URL itself can be checked, since the proxy resolves names. Raises `DialFailed` alone.
    """
    if proxy is not None:
        if check is not None and _is_numeric(host) and not check(host):
            raise DialFailed("address", "the address is not one of those that are allowed")
        return await _through(proxy, host, port)
    addresses = await _resolve(host, port)
    if check is not None:
        addresses = [address for address in addresses if check(address)]
        if not addresses:
            raise DialFailed("address", f"{host} has no address that is allowed")
    return await _connect_first(addresses, port)


class _InTurn(ByteStream):
    """A stream that several tasks may write to: TLS also writes when it is read (key updates)."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._turn = anyio.Lock()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        # anyio leaves the mapping's types open.
        return cast(Any, self._stream).extra_attributes  # type: ignore[no-any-return]

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        async with self._turn:
            await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def start_tls(stream: ByteStream, context: tls.SSLContext, host: str) -> ByteStream:
    """TLS over ``stream``, which is closed if that fails. Raises `DialFailed` alone."""
    try:
        # A WebSocket has a closing handshake and HTTP a length, which both tell a truncation.
        return await TLSStream.wrap(
            _InTurn(stream),
            hostname=host,
            ssl_context=context,
            server_side=False,
            standard_compatible=False,
        )
    except (tls.SSLError, ValueError) as error:
        failed = DialFailed("tls", reason_of(error))
    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
        failed = DialFailed("tls", "the peer hung up during the TLS handshake")
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
    await anyio.aclose_forcefully(stream)
    raise failed


def _is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DialFailed("resolve", f"{host}: {reason_of(error)}") from None
    return list(dict.fromkeys(entry[4][0] for entry in found))


async def _connect_first(addresses: Sequence[str], port: int) -> TcpStream:
    winners: list[TcpStream] = []
    faults: list[str] = []

    async def attempt(address: str, done: anyio.Event) -> None:
        try:
            stream = await connect_tcp(address, port)
        except OSError as error:
            faults.append(f"{address} port {port}: {reason_of(error)}")
            done.set()
            return
        if winners:
            await anyio.aclose_forcefully(stream)
            return
        winners.append(stream)
        group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for address in addresses:
                done = anyio.Event()
                group.start_soon(attempt, address, done)
                with anyio.move_on_after(STAGGER):
                    await done.wait()
    except BaseException:
        # Cancelled from outside just when an address had answered.
        for stream in winners:
            await anyio.aclose_forcefully(stream)
        raise
    if not winners:
        raise DialFailed("connect", "; ".join(faults))
    return winners[0]


async def _through(proxy: Secret, host: str, port: int) -> ByteStream:
    # Imported here: most programs have no proxy, and need not pay for it.
    from python_socks import ProxyConnectionError, ProxyError
    from python_socks.async_.anyio.v2 import Proxy

    try:
        # Time is the caller's: the library's own limit of 60 s is taken off.
        road = await Proxy.from_url(proxy.reveal()).connect(host, port, timeout=math.inf)
    except ProxyConnectionError:
        raise DialFailed("proxy", "the proxy cannot be reached") from None
    except ProxyError as error:
        code = error.error_code
        detail = "the proxy refused" if code is None else f"the proxy refused: code {code}"
        raise DialFailed("proxy", detail) from None
    except (OSError, ValueError, anyio.BrokenResourceError, anyio.EndOfStream):
        raise DialFailed("proxy", "the proxy hung up") from None
    return road.anyio_stream
