"""One transport as the driver sees it: a stream, its reader and its writer.

It knows bytes. It must not know frames, nor decide when a transport is over: it reports, and does
what `CloseTransport` and `AbortTransport` say. Nothing raises out of here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import anyio
from anyio.abc import ByteStream

from auxws_proto import TransportFailure

from ._bell import Bell
from ._dial import DialFailed, reason_of

READ_SIZE = 256 * 1024
"""Longer reads gain nothing, shorter ones cost a system call each."""


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

    def may_read(self) -> bool: ...
    def link_failed(self, link: Link, failure: TransportFailure) -> None: ...
    def link_opened(self, link: Link, handshake: Handshake) -> None: ...
    def link_received(self, link: Link, data: bytes) -> None: ...
    def link_wrote(self, link: Link, count: int) -> None: ...
    def link_rested(self) -> None: ...
    def link_ended(self, link: Link) -> None: ...
    async def settle(self) -> None: ...


class Link:
    """One transport, from the attempt to open it to its end. `run` it once, in its own task."""

    def __init__(self, owner: Owner, number: int, opener: Opener) -> None:
        self.number = number
        self._owner = owner
        self._opener = opener
        self._out: list[bytes] = []
        self._has_work = Bell()
        self.is_writing: bool = False
        """Whether something is on its way: `Owner.link_wrote` will be called."""
        self._closing = False
        self._broken = False
        self._scope = anyio.CancelScope()

    def write(self, data: bytes) -> None:
        """Write these bytes behind all others; what is ready together goes in one write."""
        self._out.append(data)

    def flush(self) -> None:
        """Let the writer look at what there is."""
        if self._out and not self._broken:
            self.is_writing = True
            self._has_work.ring()
        elif self._closing:
            self._has_work.ring()

    def close(self) -> None:
        """Close the stream when everything is written."""
        self._closing = True

    def abort(self) -> None:
        """Drop the stream and what was not written. Nothing is reported."""
        self._broken = True
        self.is_writing = False
        self._scope.cancel()

    async def run(self) -> None:
        """Open, read and write to the end."""
        with self._scope:
            try:
                stream, handshake = await self._opener()
            except DialFailed as error:
                self._owner.link_failed(self, error.failure)
                return
            except Exception as error:
                failure = TransportFailure(kind="connect", detail=reason_of(error))
                self._owner.link_failed(self, failure)
                return
            try:
                self._owner.link_opened(self, handshake)
                async with anyio.create_task_group() as group:
                    group.start_soon(self._write, stream, group.cancel_scope)
                    await self._read(stream)
                    group.cancel_scope.cancel()
            finally:
                await anyio.aclose_forcefully(stream)
            self._owner.link_ended(self)

    async def _read(self, stream: ByteStream) -> None:
        while True:
            while not self._owner.may_read():
                if self._broken:
                    return
                await self._owner.resumed.wait()
            try:
                data = await stream.receive(READ_SIZE)
            except Exception:
                # The end, a broken connection, TLS that is none, or a stream of the user's own.
                # RFC 6455 §7.1.5: whatever it was, without a close frame it is code 1006.
                return
            self._owner.link_received(self, data)

    async def _write(self, stream: ByteStream, scope: anyio.CancelScope) -> None:
        while True:
            while self._out:
                batch, self._out = self._out, []
                # What was never on the wire must not be in doubt after a crash, nor the other way.
                await self._owner.settle()
                try:
                    await stream.send(batch[0] if len(batch) == 1 else b"".join(batch))
                except Exception:
                    # There may be something to read yet: a close frame that says why.
                    self._broken = True
                    self.is_writing = False
                    self._owner.link_rested()
                    self._owner.resumed.ring()
                    return
                # What was accepted meanwhile is emitted now, and `_out` has it.
                self._owner.link_wrote(self, len(batch))
            self.is_writing = False
            self._owner.link_rested()
            if self._closing:
                scope.cancel()
                return
            await self._has_work.wait()
