"""The connections under the HTTP client: which address they may go to, and how they are cut short.

It knows sockets, TLS and who uses this thread. It must not know requests or responses.

Strategy: httpcore takes a network backend, so the address that it connects to can be checked. A
thread runs one transfer at a time, so the one that blocks in a socket is found in a thread-local;
that is also how log records of our own requests, whose headers may hold a presigned URL, are told
from those of other people's.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl as tls
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from auxws_proto import HttpFailure, Secret

from ._dial import AddressCheck, Dial, DialFailed, reason_of, shut_down

_SLICE = 256 * 1024
"""How much is written before progress is looked at; TLS would take a whole part at once."""

_QUIET = tuple(
    logging.getLogger(name)
    for name in (
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "httpcore.socks",
    )
)


class TransferFailed(Exception):
    """A transfer got no response; `failure` is what the machine is told. It holds no URL."""

    def __init__(self, kind: str, detail: str = "", *, transient: bool = True) -> None:
        super().__init__(detail)
        self.failure = HttpFailure(kind=kind, detail=detail, transient=transient)


class Cancellation:
    """Ends one transfer early, from any thread. A user's own `HttpTransport` may look at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._end: Callable[[], None] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for this transfer any more."""
        return self._cancelled

    def cancel(self) -> None:
        """Give the transfer up; harmless when it is over."""
        with self._lock:
            self._cancelled = True
            if self._end is not None:
                self._end()

    def guard(self, end: Callable[[], None] | None) -> None:
        """From now on ``end``, which must not block, cuts short what this thread is blocked in.

        Raises `TransferFailed` if the transfer is cancelled already.
        """
        with self._lock:
            self._end = end
            if self._cancelled and end is not None:
                raise TransferFailed("cancelled")


class Run:
    """The transfer that this thread runs: its end from outside, and its progress."""

    def __init__(
        self, cancellation: Cancellation, progress: Callable[[int, int | None], None]
    ) -> None:
        self.cancellation = cancellation
        self._progress = progress
        self._part_at: int | None = None
        self._total: int | None = None
        self._reported_at = 0.0

    def part(self, at: int, total: int) -> None:
        """The part of the body that begins at ``at`` is the next to be written."""
        self._part_at, self._total = at, total

    def wrote(self, count: int) -> None:
        """So many bytes of what was last given to `Line.write` are on their way."""
        if self._part_at is not None and self._total is not None:
            self.moved(min(self._part_at + count, self._total), self._total)

    def moved(self, done: int, total: int | None) -> None:
        """Report progress, but not more often than anybody can see (and each end of a body)."""
        now = time.monotonic()
        if done == total or now - self._reported_at >= 0.1:
            self._reported_at = now
            self._progress(done, total)

    def __enter__(self) -> Run:
        for logger in _QUIET:
            logger.addFilter(_is_foreign)
        _thread.run = self
        return self

    def __exit__(self, *_: object) -> None:
        _thread.run = None


class _Thread(threading.local):
    run: Run | None = None


_thread = _Thread()


def _is_foreign(_record: logging.LogRecord) -> bool:
    """Whether a record comes from a request that is not ours."""
    return _thread.run is None


def _guard(end: Callable[[], None] | None) -> None:
    if _thread.run is not None:
        _thread.run.cancellation.guard(end)


class Line(httpcore.NetworkStream):
    """One connection to an object store."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def _end(self) -> None:
        shut_down(self._socket)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        _guard(self._end)
        try:
            self._socket.settimeout(timeout)
            return self._socket.recv(max_bytes)
        except TimeoutError:
            raise httpcore.ReadTimeout("nothing came in time") from None
        except OSError as error:
            raise httpcore.ReadError(reason_of(error)) from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _guard(self._end)
        view = memoryview(buffer)
        sent = 0
        try:
            self._socket.settimeout(timeout)
            while sent < len(view):
                sent += self._socket.send(view[sent : sent + _SLICE])
                if _thread.run is not None:
                    _thread.run.wrote(sent)
        except TimeoutError:
            raise httpcore.WriteTimeout("nothing was taken in time") from None
        except OSError as error:
            raise httpcore.WriteError(reason_of(error)) from None

    def close(self) -> None:
        # Whoever cancels must not shut down a descriptor that is somebody else's by then.
        _guard(None)
        self._socket.close()

    def start_tls(
        self,
        ssl_context: tls.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        _guard(self._end)
        try:
            self._socket.settimeout(timeout)
            sock = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except tls.SSLCertVerificationError as error:
            self.close()
            detail = error.verify_message or "the certificate was refused"
            raise TransferFailed("tls", detail, transient=False) from None
        except TimeoutError:
            self.close()
            raise httpcore.ConnectTimeout("no TLS handshake in time") from None
        except (OSError, ValueError) as error:
            self.close()
            raise TransferFailed("tls", reason_of(error)) from None
        return Line(sock)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, tls.SSLSocket) else None
        if info == "is_readable":
            # Readable while nothing was asked for: the other side has closed it.
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_READ)
                return bool(selector.select(0))
        return None


class Backend(httpcore.NetworkBackend):
    """Opens connections, by way of a proxy if there is one, to addresses that ``check`` admits.

    Through a proxy only names can be checked: the proxy resolves them.
    """

    def __init__(self, proxy: Secret | None, check: AddressCheck | None) -> None:
        self._proxy = proxy
        self._check = check

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        dial = Dial(host, port, timeout or 60.0, proxy=self._proxy, check=self._check)
        _guard(dial.cancel)
        try:
            return Line(dial.run())
        except DialFailed as error:
            kind, detail = error.failure.kind, error.failure.detail
        raise TransferFailed(kind, detail, transient=kind != "address")
