"""A connected TCP socket as a byte stream that can also be written to without waiting.

It knows one socket. It must not know addresses, TLS, or what is carried.

Strategy: anyio's own streams leave it to the event loop when to write, which takes a task and its
switches for each message, and on asyncio they keep two events and a queue for each connection. A
non-blocking socket needs neither: it is tried first, and waited for where it would block.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.lowlevel import checkpoint

from ._watch import Watch, watch

_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR})
"""What a non-blocking connect answers that has begun; Windows says WSAEWOULDBLOCK."""


class TcpStream(ByteStream):
    """Owns the socket, which must be connected and non-blocking. Any one task may read, and one
    write, at a time; whoever closes it has ended both.

    A cancelled `receive` has lost nothing.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._watch: Watch | None = None
        self._is_drained = False
        """Whether the last read took less than it might have, so that another would find nothing
        but what has come since."""

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The socket alone."""
        return {SocketAttribute.raw_socket: lambda: self._socket}

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        # Either lets other tasks have their turn, once for a read.
        if self._is_drained:
            await self._wait_readable()
        else:
            await checkpoint()
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except (BlockingIOError, InterruptedError):
                await self._wait_readable()
                continue
            except OSError as error:
                raise self._failed() from error
            if not data:
                raise anyio.EndOfStream
            self._is_drained = len(data) < max_bytes
            return data

    async def send(self, item: bytes) -> None:
        await checkpoint()
        view = memoryview(item)
        while True:
            view = view[self.send_now(view) :]
            if not view:
                return
            await anyio.wait_writable(self._socket)

    def send_now(self, data: bytes | memoryview) -> int:
        """Write as much as the system takes without waiting; how many bytes those were.

        Raises as `send`: `anyio.BrokenResourceError`, `anyio.ClosedResourceError`.
        """
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise self._failed() from error

    async def send_eof(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._failed() from error

    async def aclose(self) -> None:
        if self._socket.fileno() >= 0:
            # Whoever waits for it elsewhere would wait for ever, or for somebody else's socket.
            anyio.notify_closing(self._socket)
            if self._watch is not None:
                self._watch.close()
            self._socket.close()
            # No backend waits for a closed socket: the next read finds that out for itself.
            self._is_drained = False
        await checkpoint()

    def _wait_readable(self) -> Awaitable[None]:
        if self._watch is None:
            self._watch = watch(self._socket)
        return self._watch.wait()

    def _failed(self) -> Exception:
        is_open = self._socket.fileno() >= 0
        return anyio.BrokenResourceError() if is_open else anyio.ClosedResourceError()


async def connect_tcp(address: str, port: int) -> TcpStream:
    """A connection to a numeric address, without Nagle's delay. Raises `OSError`."""
    # It blocks for names alone. A link-local address has its zone (RFC 4007) in the fourth field.
    found = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )
    family, kind, protocol, _, where = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(where)
        if code in _UNDER_WAY:
            await anyio.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return TcpStream(sock)
