"""One request and its response, through httpcore.

It knows what S3 insists on (``docs/protocol.md`` §8). It must not know who asks, nor which
addresses are admitted. The first transfer imports it: httpcore takes long to load, and most
programs make no transfer for a while.
"""

from __future__ import annotations

import ssl as tls
import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import httpcore

from auxws_proto import GetFromUrl, HttpFailure, HttpResponded, PutToUrl, Secret

from ._dial import AddressCheck
from ._line import Backend
from ._transfer import Run, TransferFailed

PART_SIZE = 1024 * 1024
"""Bodies go in parts of 1 MiB; parts of 64 KiB were measured to cost 1.5 to 4 times as much."""

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


def make_pool(
    context: tls.SSLContext, proxy: Secret | None, check: AddressCheck | None, max_connections: int
) -> httpcore.ConnectionPool:
    """A pool of connections to addresses that ``check`` admits."""
    return httpcore.ConnectionPool(
        ssl_context=context,
        max_connections=max_connections,
        keepalive_expiry=KEEPALIVE_EXPIRY,
        network_backend=Backend(proxy, check),
    )


def exchange(
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
    # The caller watches the time and cancels, and knows better what progress is; this is for
    # systems where cancelling does not wake a thread.
    limits = dict.fromkeys(("connect", "read", "write", "pool"), 2 * timeout)
    with pool.stream(
        request.method,
        request.url.reveal(),
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        content=content,
        extensions={"timeout": limits},
    ) as response:
        answered = {name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in response.headers}  # fmt: skip
        body: bytes | bytearray
        if isinstance(request, GetFromUrl) and 200 <= response.status < 300:
            body = _read(response, answered, request.max_bytes, run)
        else:
            body = _read_some(response, request.max_error_bytes)
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
) -> bytearray:
    """The decoded body; raises `TransferFailed` when it passes ``limit`` bytes.

    Not as `bytes`, which would be a copy, and one that nobody could empty.
    """
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
    return body


def _read_some(response: httpcore.Response, limit: int) -> bytes:
    body = bytearray()
    for raw in response.iter_stream():
        body += raw[: limit - len(body)]
        if len(body) >= limit:
            break
    return bytes(body)


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


def failure_of(error: Exception) -> HttpFailure:
    """What an exception means; its own text may quote the URL, so only its type is used."""
    for kind, (word, transient) in _KINDS.items():
        if isinstance(error, kind):
            return HttpFailure(kind=word, detail=type(error).__name__, transient=transient)
    if isinstance(error, zlib.error):
        return HttpFailure(kind="protocol", detail="the compressed body is damaged")
    return HttpFailure(kind="protocol", detail=type(error).__name__, transient=False)
