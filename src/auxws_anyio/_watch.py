"""Waiting until a socket has something to read.

It knows asyncio and anyio. It must not know what is read.

Strategy: what anyio offers works everywhere, and tells asyncio of the socket anew for each wait,
which takes two system calls, their objects, and a tenth of the time of a small message's way to
the server and back. So there the loop is told once, and told to forget the socket when something
comes that nobody waits for.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

import anyio


class Watch(Protocol):
    """Over one socket, until it is closed. One task waits at a time."""

    async def wait(self) -> None:
        """Wait until there is something to read, or the end. It may return when there is not.

        Raises `anyio.ClosedResourceError` if the socket is closed meanwhile, and
        `anyio.BusyResourceError` if another task waits.
        """
        ...

    def close(self) -> None:
        """The socket is about to be closed."""
        ...


def watch(sock: socket.socket) -> Watch:
    """A watch over a non-blocking socket, in the event loop that runs."""
    try:
        # A task, and not the loop: trio can run as a guest of asyncio's.
        is_asyncio = asyncio.current_task() is not None
    except RuntimeError:
        is_asyncio = False
    if is_asyncio:
        loop = asyncio.get_running_loop()
        # Where a loop has none (asyncio's proactor), anyio has a thread that watches.
        if type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader:
            return _LoopWatch(loop, sock.fileno())
    return _AnyWatch(sock)


class _AnyWatch:
    """By anyio's means."""

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def wait(self) -> None:
        await anyio.wait_readable(self._socket)

    def close(self) -> None:
        anyio.notify_closing(self._socket)


class _LoopWatch:
    """By asyncio's own."""

    __slots__ = ("_fd", "_is_known", "_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._fd = fd
        self._is_known = False
        """Whether the loop tells us when something comes."""
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        if self._waiter is not None:
            raise anyio.BusyResourceError("reading from")
        waiter = self._waiter = self._loop.create_future()
        try:
            if not self._is_known:
                self._loop.add_reader(self._fd, self._something_came)
                self._is_known = True
            await waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        self._forget()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(anyio.ClosedResourceError())

    def _something_came(self) -> None:
        if self._waiter is None:
            # The loop would tell it again and again, until somebody reads.
            self._forget()
        elif not self._waiter.done():
            self._waiter.set_result(None)

    def _forget(self) -> None:
        if self._is_known:
            self._is_known = False
            self._loop.remove_reader(self._fd)
