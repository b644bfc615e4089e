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
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from auxws_proto import GetFromUrl, HttpFailed, HttpFailure, HttpResponded, PutToUrl, UrlPolicy
from auxws_proto._addresses import is_loopback_address, is_public_address
from auxws_proto._policy import is_loopback, websocket_host

from ._dial import AddressCheck
from ._sockets import check_proxy, default_tls
from ._transfer import Cancellation, Run, TransferFailed

if TYPE_CHECKING:
    import httpcore

Progress = Callable[[int, int | None], None]


class HttpTransport(Protocol):
    """What ``http=`` takes: makes one request at a time on each thread that calls it.

    ``transfer`` blocks until the response is there, connects only to addresses that ``policy``
    admits, follows no redirect, reports ``progress(done, total)`` and returns what happened; it
    must not raise. ``timeout`` is the longest time without progress, in seconds, which the caller
    watches too: ``cancellation`` says when nobody waits for it any more.
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
    ) -> HttpResponded | HttpFailed:
        """Make one request, as said above; failures are returned."""
        ...

    def close(self) -> None:
        """Give up what is held; called by whoever made it."""
        ...


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
        from ._exchange import exchange, failure_of

        with Run(cancellation, progress) as run:
            try:
                pool = self._pool(_address_rule(policy, websocket_url))
                return exchange(pool, request, timeout, run)
            except TransferFailed as error:
                failure = error.failure
            except Exception as error:
                failure = failure_of(error)
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
                from ._exchange import make_pool

                pool = self._pools[rule] = make_pool(
                    self._tls or default_tls(),
                    self._proxy,
                    _ADDRESS_RULES[rule],
                    self._max_connections,
                )
            return pool


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
