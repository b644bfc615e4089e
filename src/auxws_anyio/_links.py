"""The transports of a machine, by number: what it has them do, and what they have to say to it.

It knows which door each report goes to. It must not know other actions, nor any stream.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from auxws_proto import AuxWebSocket, TransportFailure

from ._bell import Bell
from ._desk import Desk
from ._link import Handshake, Link, Opener
from ._recorder import Recorder


class Host(Protocol):
    """Whoever runs the machine."""

    @property
    def desk(self) -> Desk: ...
    @property
    def recorder(self) -> Recorder | None: ...
    def feed(self, door: Callable[[float], None]) -> None: ...
    def may_read(self) -> bool: ...
    def spawn(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None: ...
    async def settle(self) -> None: ...


class Links:
    """See `auxws_anyio._link.Owner`; the rest is for the host."""

    __slots__ = ("_host", "_links", "_machine", "_opener", "is_writing", "resumed")

    def __init__(self, host: Host, machine: AuxWebSocket, opener: Opener) -> None:
        self.resumed: Bell = Bell()
        self.is_writing: bool = False
        """Whether a write was under way at the last `flush`; its end has the machine drained."""
        self._host = host
        self._machine = machine
        self._opener = opener
        self._links: dict[int, Link] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no transport is open or opening."""
        return not self._links

    # What the machine asks for.

    def open(self, number: int) -> None:
        """Begin to open a transport."""
        link = self._links[number] = Link(self, number, self._opener)
        self._host.spawn(link.run)

    def write(self, number: int, frames: Iterable[bytes]) -> None:
        """Have `flush` write these."""
        link = self._links.get(number)
        if link is not None:
            link.write(frames)

    def flush(self, now: float) -> bool:
        """Have written what there is; whether the machine was told of something that is."""
        has_written = self.is_writing = False
        for link in self._links.values():
            count = link.flush()
            self.is_writing |= link.is_writing
            if count:
                has_written = True
                self._machine.data_sent(count, now, transport=link.number)
        return has_written

    def close(self, number: int) -> None:
        """Close this one when everything before is written."""
        link = self._links.get(number)
        if link is not None:
            link.close()

    def abort(self, number: int) -> None:
        """Drop this one and what it has not written. Nothing is reported."""
        link = self._links.get(number)
        if link is not None:
            link.abort()

    def abort_all(self) -> None:
        """Drop every transport; the machine is not told."""
        for link in list(self._links.values()):
            link.abort()

    def end(self) -> None:
        """Drop every transport now, and tell the machine, which is not to wait for them."""
        for link in list(self._links.values()):
            self.link_ended(link)
            link.abort()

    # What links tell their owner.

    @property
    def must_settle(self) -> bool:
        """Whether `settle` has to be awaited before anything is written."""
        return self._host.recorder is not None

    async def settle(self) -> None:
        """Return when all that must outlive the process by now does."""
        await self._host.settle()

    def spawn(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a task of the client's own."""
        self._host.spawn(task)

    def may_read(self) -> bool:
        """Whether to go on reading the wire."""
        return self._host.may_read()

    def link_failed(self, link: Link, failure: TransportFailure) -> None:
        """It could not be opened."""
        self._host.feed(
            lambda now: self._machine.transport_failed(failure, now, transport=link.number)
        )

    def link_opened(self, link: Link, handshake: Handshake) -> None:
        """It is open: the handshake may begin."""
        self._host.feed(
            lambda now: self._machine.transport_opened(
                now, transport=link.number, url=handshake.url, headers=handshake.headers
            )
        )

    def link_received(self, link: Link, data: bytes) -> None:
        """Bytes came."""
        self._host.feed(lambda now: self._machine.receive_bytes(data, now, transport=link.number))

    def link_wrote(self, link: Link, count: int) -> None:
        """A write is complete."""
        self._host.feed(lambda now: self._machine.data_sent(count, now, transport=link.number))

    def link_ended(self, link: Link) -> None:
        """It is over."""
        self._host.feed(lambda now: self._machine.receive_eof(now, transport=link.number))

    def link_gone(self, link: Link) -> None:
        """Nothing of it is left."""
        self._links.pop(link.number, None)
        self._host.desk.changed.ring()
