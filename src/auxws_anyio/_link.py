"""One transport as the driver sees it: a stream that is read, and what is to be written to it.

It knows bytes. It must not know frames, nor decide when a transport is over: it reports, and does
what `CloseTransport` and `AbortTransport` say. Nothing raises out of here.

Strategy: one task opens and reads. What is to be written goes to the socket at once where that can
be done without waiting; else a task writes it, which is there only while there is something.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import anyio
from anyio.abc import ByteStream

from auxws_proto import TransportFailure

from ._bell import Bell
from ._dial import DialFailed, reason_of
from ._socket import TcpStream

READ_SIZE = 256 * 1024
"""Longer reads gain nothing, even where a frame is cut by the end of every short one."""

_SMALL_READ = 16 * 1024
"""The size of a read behind one that found less: the memory for a long one is mapped for it alone,
and costs as much as handling a small message does."""

_STEP = 4
"""How much longer or shorter the next read is."""

_TURN = 0.004
"""Seconds for which a read may be handled; the next one is shorter if they were more, and longer if
as much of the same will not be more. 256 KiB of nothing but tiny frames would keep other tasks from
their turn for seconds, and of small messages they are more than a processor's cache has room for.
"""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a transport begins with."""

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)


Opener: TypeAlias = Callable[[], Awaitable[tuple[ByteStream, Handshake]]]


class Owner(Protocol):
    """Whoever owns the machine."""

    @property
    def resumed(self) -> Bell: ...

    @property
    def must_settle(self) -> bool:
        """Whether `settle` has to be awaited before anything is written."""
        ...

    def spawn(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None: ...
    def may_read(self) -> bool: ...
    def link_failed(self, link: Link, failure: TransportFailure) -> None: ...
    def link_opened(self, link: Link, handshake: Handshake) -> None: ...
    def link_received(self, link: Link, data: bytes) -> None: ...
    def link_wrote(self, link: Link, count: int) -> None: ...
    def link_ended(self, link: Link) -> None: ...
    def link_gone(self, link: Link) -> None: ...
    async def settle(self) -> None: ...


class Link:
    """One transport, from the attempt to open it to its end. `run` it once, in its own task."""

    __slots__ = (
        "_has_turned", "_has_writer", "_is_aborted", "_is_broken", "_is_closing", "_opener", "_out",
        "_owner", "_scope", "_stream", "_under_way", "_writing", "number",
    )  # fmt: skip

    def __init__(self, owner: Owner, number: int, opener: Opener) -> None:
        self.number: int = number
        self._owner = owner
        self._opener: Opener | None = opener
        self._stream: ByteStream | None = None
        self._out: list[bytes] = []
        self._under_way: tuple[bytes, int] | None = None
        """What is being written, and how many of the frames that `write` was given that is."""
        self._has_turned = True
        """Whether other tasks have had their turn since something was written at once."""
        self._has_writer = False
        """Whether there is a task that writes; while it runs, `_writing` is its scope and end."""
        self._writing: tuple[anyio.CancelScope, Bell] | None = None
        self._is_closing = False
        self._is_broken = False
        self._is_aborted = False
        self._scope = anyio.CancelScope()

    @property
    def is_writing(self) -> bool:
        """Whether something is on its way: `Owner.link_wrote` will be called."""
        return self._under_way is not None or (self._has_writer and bool(self._out))

    def write(self, frames: Iterable[bytes]) -> None:
        """Write these behind all others; what is ready together goes in one write."""
        if not self._is_broken:
            self._out += frames

    def flush(self) -> int:
        """See to it that all is written; how many frames that has taken care of already.

        Those are not told by `Owner.link_wrote`. Only the first flush of a turn of the event loop
        writes at once: a message alone needs no task then, and what one task sends in a row is
        gathered for one write.
        """
        stream = self._stream
        if stream is None or self._has_writer:
            return 0
        count = 0
        if self._out:
            is_first, self._has_turned = self._has_turned, False
            if is_first and isinstance(stream, TcpStream) and not self._owner.must_settle:
                count = self._write_at_once(stream)
            if self._out or self._under_way:
                self._has_writer = True
                self._owner.spawn(self._write)
                return 0
        if self._is_closing:
            self._scope.cancel()
        return count

    def close(self) -> None:
        """Close the stream when everything is written."""
        self._is_closing = True

    def abort(self) -> None:
        """Drop the stream and what was not written. Nothing is reported."""
        self._is_aborted = True
        self._break()
        self._scope.cancel()

    async def run(self) -> None:
        """Open, read and write to the end."""
        try:
            with self._scope:
                opened = await self._open()
                if opened is None:
                    return
                self._stream, handshake = opened
                try:
                    self._owner.link_opened(self, handshake)
                    await self._read(self._stream)
                finally:
                    await self._close(self._stream)
            if not self._is_aborted:
                self._owner.link_ended(self)
        finally:
            self._owner.link_gone(self)

    async def _close(self, stream: ByteStream) -> None:
        self._break()
        if self._writing is not None:
            scope, ended = self._writing
            scope.cancel()
            with anyio.CancelScope(shield=True):
                await ended.wait()
        await anyio.aclose_forcefully(stream)

    async def _open(self) -> tuple[ByteStream, Handshake] | None:
        assert self._opener is not None
        try:
            return await self._opener()
        except DialFailed as error:
            self._owner.link_failed(self, error.failure)
        except Exception as error:
            failure = TransportFailure(kind="connect", detail=reason_of(error))
            self._owner.link_failed(self, failure)
        return None

    async def _read(self, stream: ByteStream) -> None:
        owner = self._owner
        size = _SMALL_READ
        while True:
            while not owner.may_read():
                if self._is_broken:
                    return
                await owner.resumed.wait()
            try:
                data = await stream.receive(size)
            except Exception:
                # The end, a broken connection, TLS that is none, or a stream of the user's own.
                # RFC 6455 §7.1.5: whatever it was, without a close frame it is code 1006.
                return
            self._has_turned = True
            began = perf_counter()
            owner.link_received(self, data)
            took = perf_counter() - began
            if len(data) < size:
                size = _SMALL_READ
            elif took >= _TURN:
                size = max(_SMALL_READ, size // _STEP)
            elif took * _STEP < _TURN:
                size = min(READ_SIZE, size * _STEP)

    def _take(self) -> tuple[bytes, int]:
        batch, self._out = self._out, []
        return batch[0] if len(batch) == 1 else b"".join(batch), len(batch)

    def _break(self) -> None:
        """Nothing more is written."""
        self._is_broken = True
        self._under_way = None
        self._out.clear()

    def _write_at_once(self, stream: TcpStream) -> int:
        data, count = self._take()
        try:
            written = stream.send_now(data)
        except Exception:
            # There may be something to read yet: a close frame that says why.
            self._break()
            self._owner.resumed.ring()
            return 0
        if written < len(data):
            self._under_way = data[written:], count
            return 0
        return count

    async def _write(self) -> None:
        scope, ended = self._writing = anyio.CancelScope(), Bell()
        try:
            with scope:
                await self._write_all()
        finally:
            self._has_writer, self._writing = False, None
            self._has_turned = True
            ended.ring()
        if self._is_closing:
            self._scope.cancel()

    async def _write_all(self) -> None:
        stream = self._stream
        assert stream is not None
        while self._out or self._under_way:
            # What was never on the wire must not be in doubt after a crash, nor the other way.
            await self._owner.settle()
            data, count = self._under_way = self._under_way or self._take()
            try:
                await stream.send(data)
            except Exception:
                self._break()
                self._owner.resumed.ring()
                count = 0
            self._under_way = None
            # What was accepted meanwhile is emitted now, and `_out` has it.
            self._owner.link_wrote(self, count)
