"""Transfers to and from the object store, on whatever thread calls.

It knows requests, responses and what S3 insists on (``docs/protocol.md`` §8). It must not know the
machine, nor what a message is. Nothing that leaves here, log records included, shows a URL.

Strategy: httpcore, the engine of httpx, through its public interface: it does nothing by itself, no
cookies, no redirects (a 307 is the machine's to follow), no environment, no log line with a URL.
There is one pool of connections for each rule about addresses, so that clients that share this
never use a connection that their own rule would not have opened.
"""

from __future__ import annotations

import ssl as tls
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import httpcore

from auxws_proto import GetFromUrl, HttpFailed, HttpFailure, HttpResponded, PutToUrl, UrlPolicy
from auxws_proto._addresses import is_loopback_address, is_public_address
from auxws_proto._policy import is_loopback, websocket_host

from ._dial import AddressCheck, check_proxy, default_tls
from ._line import Backend, Cancellation, Run, TransferFailed

Progress = Callable[[int, int | None], None]

PART_SIZE = 1024 * 1024
"""design.md §10: bodies go in parts of 1 MiB; parts of 64 KiB cost 1.5 to 4 times as much."""

MAX_ERROR_BODY = 64 * 1024
"""What is read of an error's body, which is an XML document of some hundred bytes."""

KEEPALIVE_EXPIRY = 5.0
"""``docs/protocol.md`` §8: object stores close idle connections after some 5 to 20 s."""

_KINDS: Mapping[type[Exception], tuple[str, bool]] = {
    httpcore.TimeoutException: ("timeout", True),
    httpcore.ConnectError: ("connect", True),
    httpcore.ReadError: ("read", True),
    httpcore.WriteError: ("write", True),
    httpcore.RemoteProtocolError: ("protocol", True),
    httpcore.LocalProtocolError: ("protocol", False),
}


class HttpTransport(Protocol):
    """What ``http=`` takes: makes one request at a time on each thread that calls it.

    ``transfer`` blocks until the response is there, connects only to addresses that ``policy``
    admits, follows no redirect, reports ``progress(done, total)`` and returns what happened; it
    must not raise. ``timeout`` is the longest time without progress, in seconds. ``cancellation``
    says when nobody waits for it any more.
    """

    def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Progress,
        cancellation: Cancellation,
    ) -> HttpResponded | HttpFailed: ...

    def close(self) -> None: ...


class HttpClient:
    """Transfers through httpcore; one can serve thousands of clients. Close it after the last.

    ``ssl`` is the TLS context, ``proxy`` the URL of an HTTP or SOCKS5 proxy.
    """

    def __init__(
        self,
        *,
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        max_connections: int = 64,
    ) -> None:
        self._tls = ssl
        self._proxy = check_proxy(proxy)
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._pools: dict[str, httpcore.ConnectionPool] = {}

    def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Progress,
        cancellation: Cancellation,
    ) -> HttpResponded | HttpFailed:
        """Make the request; see `HttpTransport`."""
        with Run(cancellation, progress) as run:
            try:
                pool = self._pool(_address_rule(policy, websocket_url))
                return _exchange(pool, request, timeout, run)
            except TransferFailed as error:
                failure = error.failure
            except Exception as error:
                failure = _failure(error)
        if cancellation.is_cancelled:
            failure = HttpFailure(kind="cancelled")
        return HttpFailed(transfer_id=request.transfer_id, error=failure)

    def close(self) -> None:
        """Close the connections. A transfer afterwards opens new ones."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _pool(self, rule: str) -> httpcore.ConnectionPool:
        with self._lock:
            pool = self._pools.get(rule)
            if pool is None:
                pool = self._pools[rule] = httpcore.ConnectionPool(
                    ssl_context=self._tls or default_tls(),
                    max_connections=self._max_connections,
                    keepalive_expiry=KEEPALIVE_EXPIRY,
                    network_backend=Backend(self._proxy, _ADDRESS_RULES[rule]),
                )
            return pool


def _exchange(
    pool: httpcore.ConnectionPool, request: PutToUrl | GetFromUrl, timeout: float, run: Run
) -> HttpResponded:
    """One request and its response."""
    headers = {"User-Agent": "auxws", "Accept": "*/*", "Accept-Encoding": "identity"}
    headers.update(request.headers)
    content = None
    if isinstance(request, PutToUrl):
        # "Transfer-Encoding: chunked: 501 NotImplemented" (§8): say the length.
        headers["Content-Length"] = str(len(request.body))
        content = _parts(request.body, run)
    limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
    with pool.stream(
        request.method,
        request.url.reveal(),
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        content=content,
        extensions={"timeout": limits},
    ) as response:
        answered = {name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in response.headers}  # fmt: skip
        if isinstance(request, GetFromUrl) and 200 <= response.status < 300:
            body = _read(response, answered, request.max_bytes, run)
        else:
            body = _read_error(response)
    return HttpResponded(
        transfer_id=request.transfer_id, status=response.status, headers=answered, body=body
    )


def _parts(body: bytes, run: Run) -> Iterator[bytes]:
    total = len(body)
    for start in range(0, total, PART_SIZE):
        run.part(start, total)
        yield body[start : start + PART_SIZE]


def _read(
    response: httpcore.Response, headers: Mapping[str, str], limit: int, run: Run
) -> bytes:
    """The decoded body; raises `TransferFailed` when it passes ``limit`` bytes."""
    decoder = _decoder(headers)
    length = headers.get("content-length", "")
    total = int(length) if length.isdecimal() and decoder is None else None
    if total is not None and total > limit:
        raise TransferFailed("too_large", f"{total} bytes; the limit is {limit}", transient=False)
    body = bytearray()
    for raw in response.iter_stream():
        # One byte over the limit is enough to know; what a few bytes unfold to is never held.
        body += raw if decoder is None else decoder.decompress(raw, limit + 1 - len(body))
        if len(body) > limit:
            raise TransferFailed("too_large", f"over {limit} bytes", transient=False)
        run.moved(len(body), total)
    if decoder is not None and not decoder.eof:
        raise TransferFailed("protocol", "the compressed body is cut off")
    return bytes(body)


def _read_error(response: httpcore.Response) -> bytes:
    body = bytearray()
    for raw in response.iter_stream():
        body += raw
        if len(body) >= MAX_ERROR_BODY:
            break
    return bytes(body[:MAX_ERROR_BODY])


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decoder(headers: Mapping[str, str]) -> _Decoder | None:
    """How to undo a Content-Encoding, which nobody asked for but an object may carry."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        # zlib's own header detection: 32 added to the window bits.
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise TransferFailed("protocol", "a Content-Encoding that was not asked for", transient=False)


def _failure(error: Exception) -> HttpFailure:
    """What an exception means; its own text may quote the URL, so only its type is used."""
    for kind, (word, transient) in _KINDS.items():
        if isinstance(error, kind):
            return HttpFailure(kind=word, detail=type(error).__name__, transient=transient)
    if isinstance(error, zlib.error):
        return HttpFailure(kind="protocol", detail="the compressed body is damaged")
    return HttpFailure(kind="protocol", detail=type(error).__name__, transient=False)


def _is_public_or_loopback(address: str) -> bool:
    return is_loopback_address(address) or is_public_address(address)


_ADDRESS_RULES: Mapping[str, AddressCheck | None] = {
    "any": None,
    "public": is_public_address,
    "public or loopback": _is_public_or_loopback,
}


def _address_rule(policy: UrlPolicy, websocket_url: str | None) -> str:
    if policy.allow_private_addresses:
        return "any"
    return "public or loopback" if is_loopback(websocket_host(websocket_url)) else "public"
