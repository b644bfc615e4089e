"""The connections under the HTTP client: which address they may go to, and how they are cut short.

It knows sockets and TLS. It must not know requests or responses.

Strategy: httpcore takes a network backend, so the address that it connects to can be checked, and
whatever blocks can be shut down from another thread.
"""

from __future__ import annotations

import selectors
import socket
import ssl as tls
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from auxws_proto import Secret

from ._dial import AddressCheck, Dial, DialFailed
from ._sockets import reason_of, shut_down
from ._transfer import TransferFailed, current_run

_SLICE = 256 * 1024
"""How much is written before progress is looked at; TLS would take a whole part at once."""


def _guard(end: Callable[[], None] | None) -> None:
    run = current_run()
    if run is not None:
        run.cancellation.guard(end)


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
        run = current_run()
        try:
            self._socket.settimeout(timeout)
            while sent < len(view):
                sent += self._socket.send(view[sent : sent + _SLICE])
                if run is not None:
                    run.wrote(sent)
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
