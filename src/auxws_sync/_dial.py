"""Opening the socket of a WebSocket: names, addresses, proxies. It blocks, so it runs on a worker.

It knows addresses and proxies. It must not know TLS to the server, the handshake, or the machine.
Addresses are tried as RFC 8305 ("happy eyeballs") says, reduced to what matters: in the resolver's
order, the next one 250 ms after the last or as soon as all failed, and the first to answer wins.
`Dial.cancel` may be called from any thread: it shuts the sockets down, which ends every wait here
but that for the resolver.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

from auxws_proto import Secret, TransportFailure

from ._sockets import is_numeric, reason_of, set_nodelay, shut_down

STAGGER = 0.25
"""RFC 8305 §5: the recommended Connection Attempt Delay."""


class Connector(Protocol):
    """What ``transport=`` takes: opens a connected socket, within ``timeout`` seconds.

    It is called on a worker thread, once for each attempt, and may raise `OSError`. The socket
    belongs to the client from then on, which adds TLS for ``wss:`` URLs.
    """

    def __call__(self, host: str, port: int, timeout: float) -> socket.socket: ...


class DialFailed(Exception):
    """The attempt failed; `failure` is what the machine is told. It holds no URL."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.failure = TransportFailure(kind=kind, detail=detail)


AddressCheck = Callable[[str], bool]
"""Whether this numeric address may be connected to."""


class Dial:
    """One attempt to open a socket. ``run`` blocks and is called once; ``cancel`` ends it early."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float,
        *,
        proxy: Secret | None = None,
        connector: Connector | None = None,
        check: AddressCheck | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._deadline = time.monotonic() + timeout
        self._proxy = proxy
        self._connector = connector
        self._check = check
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._cancelled = False

    def cancel(self) -> None:
        """End ``run`` soon, with `DialFailed`; harmless when it is over."""
        with self._lock:
            self._cancelled = True
            for sock in self._open:
                shut_down(sock)

    def run(self) -> socket.socket:
        """A connected, blocking socket with TCP_NODELAY; raises `DialFailed` and nothing else."""
        try:
            if self._connector is not None:
                sock = self._connected(self._connector)
            elif self._proxy is not None:
                sock = self._through(self._proxy)
            else:
                sock = self._reach(self._host, self._port, self._check)
            sock.settimeout(None)
            set_nodelay(sock)
        except DialFailed as error:
            failed = error
        except OSError as error:
            failed = DialFailed("connect", f"{self._host}: {reason_of(error)}")
        except Exception as error:
            # Only a user's connector can get here; its text may hold anything, its type may not.
            failed = DialFailed("connect", f"the transport raised {type(error).__name__}")
        else:
            with self._lock:
                cancelled = self._cancelled
                self._open.clear()
            if not cancelled:
                return sock
            sock.close()
            failed = DialFailed("connect", "cancelled")
        self._close_all()
        raise failed from None

    def _connected(self, connector: Connector) -> socket.socket:
        sock = cast("object", connector(self._host, self._port, self._left()))
        if not isinstance(sock, socket.socket):
            raise DialFailed("connect", f"the transport returned {type(sock).__name__}, no socket")
        self._hold(sock)
        return sock

    def _reach(self, host: str, port: int, check: AddressCheck | None) -> socket.socket:
        """A socket, connected to ``host``, over the first of its addresses that answers."""
        addresses = self._resolve(host, port, check)
        faults: list[str] = []
        waiting = iter(addresses)
        with selectors.DefaultSelector() as selector:
            more = True
            while True:
                if more:
                    more = self._start_next(waiting, selector, faults)
                if not selector.get_map():
                    if not more:
                        raise DialFailed("connect", "; ".join(faults))
                    continue
                wait = min(STAGGER, self._left()) if more else self._left()
                for key, _ in selector.select(wait):
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    selector.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        self._keep_only(sock)
                        return sock
                    faults.append(f"{key.data}: {os.strerror(code)}")
                    self._forget(sock)

    def _resolve(self, host: str, port: int, check: AddressCheck | None) -> list[tuple[Any, ...]]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise DialFailed("resolve", f"{host}: {reason_of(error)}") from None
        if check is None:
            return list(found)
        admitted = [entry for entry in found if check(str(entry[4][0]))]
        if not admitted:
            raise DialFailed("address", f"{host} has no address that is allowed")
        return list(admitted)

    def _start_next(
        self, waiting: Iterator[Any], selector: selectors.BaseSelector, faults: list[str]
    ) -> bool:
        """Begin to connect to the next address; false if there is none."""
        entry = next(waiting, None)
        if entry is None:
            return False
        family, kind, protocol, _, address = entry
        place = f"{address[0]} port {address[1]}"
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            faults.append(f"{place}: {reason_of(error)}")
            return True
        self._hold(sock)
        sock.setblocking(False)
        try:
            code = sock.connect_ex(address)
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR):
            selector.register(sock, selectors.EVENT_WRITE, place)
        else:
            faults.append(f"{place}: {os.strerror(code)}")
            self._forget(sock)
        return True

    def _through(self, proxy: Secret) -> socket.socket:
        if self._check is not None and is_numeric(self._host) and not self._check(self._host):
            raise DialFailed("address", "the address is not one of those that are allowed")
        from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
        from python_socks.sync import Proxy

        reach = self._reach

        class Direct(Proxy):  # type: ignore[misc, unused-ignore]
            """The road to the proxy itself: ours, so that it can be cancelled."""

            def connect(
                self, dest_host: str, dest_port: int, timeout: float | None = None, **_: Any
            ) -> socket.socket:
                # The proxy is the user's choice, wherever it is.
                sock = reach(dest_host, dest_port, None)
                sock.settimeout(timeout)
                return sock

        url = proxy.reveal()
        road = Proxy.from_url(url, forward=Direct.from_url(url))
        try:
            return road.connect(self._host, self._port, timeout=self._left())
        except DialFailed as error:
            raise DialFailed("proxy", f"the proxy: {error}") from None
        except ProxyTimeoutError:
            raise DialFailed("timeout", "the proxy did not answer in time") from None
        except ProxyConnectionError:
            raise DialFailed("proxy", "the proxy cannot be reached") from None
        except (ProxyError, OSError) as error:
            code = getattr(error, "error_code", None)
            detail = "the proxy refused" if code is None else f"the proxy refused: code {code}"
            raise DialFailed("proxy", detail) from None

    def _left(self) -> float:
        with self._lock:
            cancelled = self._cancelled
        left = self._deadline - time.monotonic()
        if cancelled:
            raise DialFailed("connect", "cancelled")
        if left <= 0:
            raise DialFailed("timeout", f"{self._host}: no answer in time")
        return left

    def _hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.append(sock)

    def _forget(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.remove(sock)
        sock.close()

    def _keep_only(self, sock: socket.socket) -> None:
        with self._lock:
            others, self._open = [other for other in self._open if other is not sock], [sock]
        for other in others:
            other.close()

    def _close_all(self) -> None:
        with self._lock:
            remaining, self._open = self._open, []
        for sock in remaining:
            sock.close()
