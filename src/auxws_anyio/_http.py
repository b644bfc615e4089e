"""Transfers to and from the object store.

It knows requests, responses and what S3 insists on (``docs/protocol.md`` §8). It must not know the
machine, nor what a message is, nor any timeout: the core cancels. Nothing that leaves here, log
records included, shows a URL.

Strategy: it drives httpcore, the engine of httpx, and none of what httpx adds (environment, netrc,
cookies, redirects, a log line for each request): each of them would have to be turned off. One
pool for each scheme and rule about addresses, made on first use, so that a connection that was
admitted under one rule never serves another.
"""

from __future__ import annotations

import ssl as tls
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import httpcore

from auxws_proto import (
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    PutToUrl,
    Secret,
    UrlPolicy,
)
from auxws_proto._addresses import is_loopback_address, is_public_address
from auxws_proto._policy import is_loopback, websocket_host

from ._dial import AddressCheck, check_proxy, default_tls
from ._line import Backend, Run, TransferFailed

Progress: TypeAlias = Callable[[int, int | None], None]

PART_SIZE = 1024 * 1024
"""Bodies go in parts of 1 MiB; parts of 64 KiB were measured to cost 1.5 to 4 times as much."""

KEEPALIVE_EXPIRY = 5.0
"""``docs/protocol.md`` §8: object stores close idle connections after some 5 to 20 s."""

_OWN_HEADERS = (("User-Agent", "auxws"), ("Accept", "*/*"), ("Accept-Encoding", "identity"))

_FAULTS: Mapping[type[Exception], tuple[str, bool]] = {
    httpcore.TimeoutException: ("timeout", True),
    httpcore.ConnectError: ("connect", True),
    httpcore.ReadError: ("read", True),
    httpcore.WriteError: ("write", True),
    httpcore.RemoteProtocolError: ("protocol", True),
}
"""What a fault means: a `HttpFailure`'s kind, and whether trying again can help."""


class HttpTransport(Protocol):
    """What ``http=`` takes: makes requests, any number at a time.

    ``transfer`` returns when the response is there, follows no redirect, connects only to
    addresses that ``policy`` allows, sends a Content-Length, and calls ``progress(done, total)``;
    it may be cancelled and must not raise. ``timeout`` is the longest time without progress, in
    seconds, which the caller watches too.
    """

    async def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Progress,
    ) -> HttpResponded | HttpFailed:
        """Make one request, as said above; failures are returned."""
        ...

    async def aclose(self) -> None:
        """Give up what is held; called by whoever made it."""
        ...


class HttpClient:
    """The `HttpTransport` of this package. One can serve thousands of clients.

    ``ssl`` is the TLS context, ``proxy`` the URL of an HTTP or SOCKS proxy (``http://``,
    ``socks5://``), which gets a tunnel for every request, so that it never sees a URL. Whoever made
    it closes it, after the last of its clients. Raises `LocalProtocolError` for a bad ``proxy``.
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
        self._pools: dict[tuple[str, str], httpcore.AsyncConnectionPool] = {}

    async def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Progress,
    ) -> HttpResponded | HttpFailed:
        """Make the request; see `HttpTransport`."""
        rule = _address_rule(policy, websocket_url)
        try:
            pool = self._pool(rule, urlsplit(request.url.reveal()).scheme)
            with Run(progress) as run:
                return await _exchange(pool, request, run)
        except TransferFailed as error:
            failure = error.failure
        except Exception as error:
            failure = _failure(error)
        return HttpFailed(transfer_id=request.transfer_id, error=failure)

    async def aclose(self) -> None:
        """Close the connections. A transfer afterwards opens new ones."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    def _pool(self, rule: str, scheme: str) -> httpcore.AsyncConnectionPool:
        pool = self._pools.get((rule, scheme))
        if pool is None:
            # Plain HTTP, which is for loopback, does not wait for the roots to be loaded.
            context = (self._tls or default_tls()) if scheme == "https" else None
            pool = self._pools[rule, scheme] = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=self._max_connections,
                keepalive_expiry=KEEPALIVE_EXPIRY,
                network_backend=Backend(self._proxy, _ADDRESS_RULES[rule]),
            )
        return pool


async def _exchange(
    pool: httpcore.AsyncConnectionPool, request: PutToUrl | GetFromUrl, run: Run
) -> HttpResponded:
    """One request and its response."""
    headers = [("Host", _host(request.url)), *_OWN_HEADERS, *request.headers.items()]
    content = None
    if isinstance(request, PutToUrl):
        # "Transfer-Encoding: chunked: 501 NotImplemented" (§8): say the length.
        headers.append(("Content-Length", str(len(request.body))))
        content = _Parts(request.body, run)
    async with pool.stream(
        request.method, _url(request.url), headers=_latin1(headers), content=content
    ) as response:
        body: bytes | bytearray
        if isinstance(request, GetFromUrl) and 200 <= response.status < 300:
            body = await _read(response, request.max_bytes, run)
        else:
            body = await _read_some(response, request.max_error_bytes, run)
    return HttpResponded(
        transfer_id=request.transfer_id,
        status=response.status,
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers),
        body=body,
    )


def _url(url: Secret) -> httpcore.URL:
    """The URL in parts: as one string it would be taken apart by rules of httpcore's own."""
    parts = urlsplit(url.reveal())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore.URL(
        scheme=parts.scheme.encode("ascii"),
        host=(parts.hostname or "").encode("ascii"),
        port=parts.port,
        target=target.encode("ascii"),
    )


def _host(url: Secret) -> str:
    """The Host header, which is signed (§8): without the scheme's own port (RFC 9110 §7.2)."""
    parts = urlsplit(url.reveal())
    netloc = parts.netloc.rpartition("@")[2]
    own = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return netloc.removesuffix(own) if own else netloc


def _latin1(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class _Parts:
    """A request's body; no async generator, which a cancelled request would leave unfinished."""

    def __init__(self, body: bytes, run: Run) -> None:
        self._body = body
        self._run = run
        self._at = 0

    def __aiter__(self) -> _Parts:
        return self

    async def __anext__(self) -> bytes:
        start = self._at
        if start >= len(self._body):
            raise StopAsyncIteration
        self._run.part(start, len(self._body))
        self._at += PART_SIZE
        return self._body[start : self._at]


async def _read(response: httpcore.Response, limit: int, run: Run) -> bytearray:
    """The decoded body; raises `TransferFailed` when it passes ``limit`` bytes.

    Not as `bytes`, which would be a copy, and one that nobody could empty.
    """
    decoder = _decoder(response, run)
    length = _header(response, b"content-length")
    total = int(length) if length.isdigit() and decoder is None else None
    body = bytearray()
    received = 0
    if total is not None and total > limit:
        run.end = TransferFailed(
            "too_large", f"{total} bytes; over the limit of {limit}", transient=False
        )
    async for raw in response.aiter_stream():
        if run.end is not None:
            continue
        # One byte over the limit is enough to know; what a few bytes unfold to is never held.
        try:
            body += raw if decoder is None else decoder.decompress(raw, limit + 1 - len(body))
        except zlib.error:
            run.end = TransferFailed("protocol", "the compressed body is damaged")
            continue
        received += len(raw)
        if len(body) > limit:
            run.end = TransferFailed(
                "too_large", f"over the limit of {limit} bytes", transient=False
            )
        run.moved(received, total)
    if run.end is not None:
        raise run.end
    if decoder is not None and not decoder.eof:
        raise TransferFailed("protocol", "the compressed body is cut off")
    return body


async def _read_some(response: httpcore.Response, limit: int, run: Run) -> bytes:
    body = bytearray()
    try:
        async for raw in response.aiter_stream():
            body += raw[: limit - len(body)]
            if len(body) >= limit:
                run.end = TransferFailed("too_large")
    except TransferFailed:
        # Our own: there is more than anybody wants.
        pass
    return bytes(body)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decoder(response: httpcore.Response, run: Run) -> _Decoder | None:
    """How to undo a Content-Encoding, which nobody asked for but an object may carry."""
    encoding = _header(response, b"content-encoding").strip().lower()
    if encoding in (b"", b"identity"):
        return None
    if encoding in (b"gzip", b"x-gzip", b"deflate"):
        # 32 is added to the window bits for zlib to tell gzip from deflate by itself.
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    run.end = TransferFailed("protocol", "an unknown Content-Encoding", transient=False)
    return None


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((value for key, value in response.headers if key.lower() == name), b"")


def _failure(error: Exception) -> HttpFailure:
    """What an exception means; its own text may quote the URL, so only its type is used."""
    for kind, (word, transient) in _FAULTS.items():
        if isinstance(error, kind):
            return HttpFailure(kind=word, detail=type(error).__name__, transient=transient)
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
