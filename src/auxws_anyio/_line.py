"""The connections under the HTTP client: which address they go to, and how far a write has come.

It knows streams and whose transfer this task runs. It must not know requests or responses.

Strategy: httpcore, the engine of httpx, takes a network backend, which is the one public place
where the address of a connection can be checked. The transfer that a task runs stands in a context
variable; that is also how log records of our own requests, which could show a presigned URL (a
redirect's Location), are told from those of everybody else's.
"""

from __future__ import annotations

import logging
import ssl as tls
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from typing import Any

import anyio
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute

from auxws_proto import HttpFailure, Secret

from ._dial import AddressCheck, DialFailed, dial, reason_of, start_tls

_SLICE = 256 * 1024
"""What is written before progress is looked at: a whole part could take longer than a time-out."""

_REPORT_EVERY = 0.1
"""Seconds between two reports of progress; nobody sees more."""

_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")


class TransferFailed(Exception):
    """A transfer got no response; `failure` is what the machine is told. It holds no URL."""

    def __init__(self, kind: str, detail: str = "", *, transient: bool = True) -> None:
        super().__init__(detail)
        self.failure = HttpFailure(kind=kind, detail=detail, transient=transient)


class Run:
    """The transfer that this task runs: enter it, and say how far its body is."""

    def __init__(self, progress: Callable[[int, int | None], None]) -> None:
        self._progress = progress
        self._part: tuple[int, int] | None = None
        self._reported_at = time.monotonic()
        self._token: Token[Run | None] | None = None
        self.end: TransferFailed | None = None
        """Set it to have the next read raise it. To stop iterating would leave httpcore's async
        generators to the garbage collector, which trio rightly warns of."""

    def part(self, at: int, total: int) -> None:
        """The part of the body that begins at ``at`` is the next to be written."""
        self._part = (at, total)

    def wrote(self, count: int) -> None:
        """So many bytes of what was last given to `Line.write` have gone."""
        if self._part is not None:
            at, total = self._part
            # The header of a chunk or a request is no part of the body.
            self.moved(min(at + count, total), total)

    def moved(self, done: int, total: int | None) -> None:
        """Report progress, the end of a body always."""
        now = time.monotonic()
        if done == total or now - self._reported_at >= _REPORT_EVERY:
            self._reported_at = now
            self._progress(done, total)

    def __enter__(self) -> Run:
        for name in _LOGGERS:
            logging.getLogger(f"httpcore.{name}").addFilter(_is_foreign)
        self._token = _run.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _run.reset(self._token)


_run: ContextVar[Run | None] = ContextVar("auxws_transfer", default=None)


def _is_foreign(_record: logging.LogRecord) -> bool:
    """Whether a record comes from a request that is not ours."""
    return _run.get() is None


class Line(httpcore.AsyncNetworkStream):
    """One connection to an object store. Times are the core's: no ``timeout`` is used."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        run = _run.get()
        if run is not None and run.end is not None:
            raise run.end
        try:
            return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore.ReadError(reason_of(error)) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        run = _run.get()
        try:
            for start in range(0, len(view), _SLICE):
                part = view[start : start + _SLICE]
                await self._stream.send(bytes(part) if len(part) < len(view) else buffer)
                if run is not None:
                    run.wrote(start + len(part))
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore.WriteError(reason_of(error)) from None

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)

    async def start_tls(
        self,
        ssl_context: tls.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return Line(await start_tls(self._stream, ssl_context, server_hostname or ""))
        except DialFailed as error:
            detail = error.failure.detail
        raise TransferFailed("tls", detail, transient="hung up" in detail)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._stream.extra(TLSAttribute.ssl_object, None)
        if info == "is_readable":
            # Readable while nothing was asked for: the other side has closed it.
            raw = self._stream.extra(SocketAttribute.raw_socket, None)
            return raw is None or _is_readable(raw.fileno())
        return None


def _is_readable(descriptor: int) -> bool:
    import selectors

    if descriptor < 0:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))


class Backend(httpcore.AsyncNetworkBackend):
    """Opens connections, by way of a proxy if there is one, to addresses that ``check`` admits."""

    def __init__(self, proxy: Secret | None, check: AddressCheck | None) -> None:
        self._proxy = proxy
        self._check = check

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return Line(await dial(host, port, proxy=self._proxy, check=self._check))
        except DialFailed as error:
            kind, detail = error.failure.kind, error.failure.detail
        raise TransferFailed(kind, detail, transient=kind != "address")
