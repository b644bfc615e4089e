"""`Gateway`: an API Gateway WebSocket endpoint and its object store, on free ports of this machine.

It knows listeners, addresses and limits, and who is connected. It must not know what is said on a
connection (`Connection`) or stored (`ObjectStore`).

Strategy: one task group, entered with the context manager, holds two listeners and a task for each
connection. Leaving cancels everything: a gateway in a test must not outlive it.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import ssl as tls
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from types import TracebackType
from typing import Final

import anyio
import anyio.abc

from auxws_proto import MAX_FRAGMENTED_SIZE, MAX_FRAME_SIZE, AuxError, LocalProtocolError

from ._app import App
from ._connection import Connection
from ._faults import Faults
from ._frames import FrameCounts
from ._handshake import HandshakeRefused, Head, read_head, refusal
from ._s3 import StoreServer
from ._sigv4 import SigningCredentials
from ._store import ObjectStore
from ._streams import GONE, QuietTLSListener, cut, end_output
from ._uploads import Uploads

_log = logging.getLogger("auxws_anyio.gateway")
_KEPT: Final = 1_000  # violations kept for tests to look at


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLimits:
    """What API Gateway and S3 allow, in bytes and seconds (``docs/protocol.md`` §5, §8)."""

    max_frame_size: int = MAX_FRAME_SIZE
    max_message_size: int = MAX_FRAGMENTED_SIZE
    idle_timeout: float = 600.0
    """Without a data frame in either direction."""
    max_duration: float = 7_200.0
    handshake_timeout: float = 10.0
    close_timeout: float = 5.0
    """For a client's answer to a close frame."""
    url_lifetime: int = 3_600
    """Of presigned URLs."""
    max_object: int = 64 * 1024 * 1024
    max_stored: int = 1024 * 1024 * 1024
    """Of all objects; the oldest are deleted."""
    store_keep_alive: float = 20.0
    """Of an idle connection to the store."""
    read_ahead: int = 16 * 1024 * 1024
    """What an application may have left untaken of one connection, before that is read on."""
    write_ahead: int = 64 * 1024 * 1024
    """What may wait for a client that does not read, before an application's ``send`` waits."""
    app_grace: float = 5.0
    """What an application has to return in after its client is gone."""


class Gateway:
    """A local API Gateway with an S3-like store behind it, for an application.

    An async context manager; ``url`` and ``store_url`` are good inside. ``port`` and
    ``store_port`` 0 take free ports. With ``ssl`` (a server's context) both speak TLS.
    ``public_read`` lets the store answer unsigned GETs. ``advertised_host`` is the host in URLs, if
    clients know this machine by another name than ``host``. ``clock`` gives seconds since 1970.

    Raises `LocalProtocolError` for a host that is not this machine's loopback, unless
    ``allow_non_loopback`` is set, and OSError from entering when a port cannot be had.
    """

    def __init__(
        self,
        app: App,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        store_port: int = 0,
        limits: GatewayLimits | None = None,
        faults: Faults | None = None,
        ssl: tls.SSLContext | None = None,
        allow_non_loopback: bool = False,
        advertised_host: str | None = None,
        public_read: bool = True,
        clock: Callable[[], float] = time,
    ) -> None:
        if not allow_non_loopback and not _is_loopback(host):
            raise LocalProtocolError(
                f"host is {host!r}; the gateway listens on loopback only, "
                "unless allow_non_loopback is set"
            )
        self.app = app
        self.limits: GatewayLimits = limits if limits is not None else GatewayLimits()
        self.faults: Faults = faults if faults is not None else Faults()
        self.store: ObjectStore = ObjectStore(
            # Fresh keys: a URL of one gateway is worth nothing at another.
            SigningCredentials("AKIALOCALGATEWAY", secrets.token_urlsafe(30)),
            public_read=public_read,
            max_object=self.limits.max_object,
            max_total=self.limits.max_stored,
        )
        self.received: FrameCounts = FrameCounts(self.limits.max_frame_size)
        """Data frames from clients."""
        self.sent: FrameCounts = FrameCounts(self.limits.max_frame_size)
        """Data frames to clients."""
        self.handshakes_refused: int = 0
        self.connections_accepted: int = 0
        self.connections: list[Connection] = []
        """Those that are open now, or whose application has not returned."""
        self.violations: deque[AuxError] = deque(maxlen=_KEPT)
        """What clients did wrong, the newest last; at most 1,000."""
        self.failures: list[Exception] = []
        """What applications let out, and defects of the gateway; empty in a sound test."""
        self.uploads: Uploads = Uploads(
            self.store,
            self.faults,
            origin=lambda: self.store_url,
            clock=clock,
            lifetime=self.limits.url_lifetime,
        )
        self._server = StoreServer(
            self.store, self.faults, clock=clock, keep_alive=self.limits.store_keep_alive
        )
        self._server.failures = self.failures
        self._host = host
        self._shown_host = advertised_host or host
        self._ports = (port, store_port)
        self._tls = ssl
        self._ids = 0
        self._empty = anyio.Event()
        self._tasks: anyio.abc.TaskGroup | None = None

    @property
    def url(self) -> str:
        """Where clients connect: ``ws://127.0.0.1:PORT/Prod``, or ``wss`` with TLS."""
        scheme = "ws" if self._tls is None else "wss"
        return f"{scheme}://{self._netloc(self._ports[0])}/Prod"

    @property
    def store_url(self) -> str:
        """The store's origin: ``http://127.0.0.1:PORT``, or ``https`` with TLS."""
        return f"{'http' if self._tls is None else 'https'}://{self._netloc(self._ports[1])}"

    @property
    def largest_frame(self) -> int:
        """The largest payload of a data frame so far, in either direction, in bytes."""
        return max(self.received.largest, self.sent.largest)

    @property
    def frames_over_limit(self) -> int:
        """How many data frames were larger than API Gateway allows, in either direction."""
        return self.received.over_limit + self.sent.over_limit

    @property
    def store_requests(self) -> int:
        """How many HTTP requests the store has answered; browsers' preflights do not count."""
        return self._server.requests

    async def __aenter__(self) -> Gateway:
        if self._tasks is not None:
            raise LocalProtocolError("this gateway has been entered already; make a new one")
        gateway, port = await self._listen(self._ports[0])
        try:
            store, store_port = await self._listen(self._ports[1])
        except BaseException:
            await gateway.aclose()
            raise
        self._ports = (port, store_port)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._serve, gateway, self._accept)
        self._tasks.start_soon(self._serve, store, self._server.handle)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()
        # The error of the body is not told to the group, which would wrap it in a group of its own.
        await self._tasks.__aexit__(None, None, None)

    async def wait_empty(self) -> None:
        """Returns when no client is connected and every application has returned."""
        while self.connections:
            await self._empty.wait()

    def report_failure(self, error: Exception) -> None:
        """Keeps what an application or the gateway itself did wrong; the log gets its type only."""
        self.failures.append(error)
        _log.error("a connection of the gateway failed: %s", type(error).__name__)

    def report_violation(self, error: AuxError) -> None:
        """Keeps what a client did wrong."""
        self.violations.append(error)

    def next_id(self, kind: str) -> str:
        """A fresh id in the form of API Gateway's."""
        self._ids += 1
        return f"{kind}-{self._ids}-{secrets.token_urlsafe(6)}="

    def _netloc(self, port: int) -> str:
        host = self._shown_host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def _listen(self, port: int) -> tuple[anyio.abc.Listener[anyio.abc.ByteStream], int]:
        listener = await anyio.create_tcp_listener(local_host=self._host, local_port=port)
        chosen = listener.extra(anyio.abc.SocketAttribute.local_port)
        if self._tls is None:
            return listener, chosen
        return QuietTLSListener(listener, self._tls), chosen

    async def _serve(
        self,
        listener: anyio.abc.Listener[anyio.abc.ByteStream],
        handle: Callable[[anyio.abc.ByteStream], object],
    ) -> None:
        async with listener:
            await listener.serve(handle)

    async def _accept(self, stream: anyio.abc.ByteStream) -> None:
        try:
            await self._converse(stream)
        except GONE:
            pass
        except Exception as error:
            self.report_failure(error)
        finally:
            await cut(stream)

    async def _converse(self, stream: anyio.abc.ByteStream) -> None:
        connection_id = self.next_id("connection")
        try:
            head = await self._handshake(stream)
        except HandshakeRefused as refused:
            self.handshakes_refused += 1
            await self._refuse(stream, refused, connection_id)
            return
        if head is None:
            return
        self.connections_accepted += 1
        connection = Connection(self, stream, head, connection_id)
        if not self.connections:
            self._empty = anyio.Event()
        self.connections.append(connection)
        try:
            await connection.run()
        finally:
            self.connections.remove(connection)
            if not self.connections:
                self._empty.set()

    async def _handshake(self, stream: anyio.abc.ByteStream) -> Head | None:
        try:
            with anyio.fail_after(self.limits.handshake_timeout):
                head = await read_head(stream)
        except TimeoutError:
            raise HandshakeRefused(408, "Request Timeout") from None
        if head is not None:
            await anyio.sleep(self.faults.handshake_delay)
            fault = self.faults.take_handshake_fault()
            if fault is not None:
                raise HandshakeRefused(fault.status, fault.message, fault.headers)
        return head

    async def _refuse(
        self, stream: anyio.abc.ByteStream, refused: HandshakeRefused, connection_id: str
    ) -> None:
        with anyio.move_on_after(self.limits.close_timeout):
            await stream.send(refusal(refused, connection_id, self.next_id("request")))
            await end_output(stream)
            while await stream.receive():
                pass


def _is_loopback(host: str) -> bool:
    # RFC 6761 §6.3: localhost is loopback, whatever a resolver says.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
