"""The transports of a pump, as the selector sees them.

It knows streams, and what of them the machine must hear. It must not know other actions, nor wait.
All of it runs on the pump's thread. Everything that one drain emits for a transport is one write.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from auxws_proto import AuxWebSocket, TransportFailure

from ._stream import Stream, StreamFailed


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A socket for a transport, and what that attempt's handshake is to say."""

    number: int
    stream: Stream
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)


class Link:
    """One transport."""

    __slots__ = ("is_closing", "is_ended", "mask", "number", "opened", "out", "stream")

    def __init__(self, opened: Opened) -> None:
        self.number = opened.number
        self.opened = opened
        self.stream = opened.stream
        self.mask = 0
        """What the selector looks for; 0: it does not know the socket."""
        self.out: list[bytes] = []
        self.is_closing = False
        self.is_ended = False


class Links:
    """The transports that have a socket, by number."""

    def __init__(self, machine: AuxWebSocket) -> None:
        self._machine = machine
        self._links: dict[int, Link] = {}
        self._touched: dict[int, Link] = {}
        self._selector: selectors.BaseSelector | None = None

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Have sockets looked after by ``selector``, with the link as their data."""
        self._selector = selector

    @property
    def is_empty(self) -> bool:
        """Whether there is no socket."""
        return not self._links

    # From the wire to the machine.

    def open(self, opened: Opened) -> None:
        """There is a socket; its TLS handshake may be still to come."""
        link = self._links[opened.number] = Link(opened)
        try:
            if opened.stream.is_ready:
                self._begin(link)
            else:
                opened.stream.start()
                self._flush(link)
        except StreamFailed as error:
            self._fail(link, error)

    def serve(self, link: Link, mask: int) -> None:
        """The selector found something to do. `settle` follows, when the machine is drained."""
        if self._links.get(link.number) is not link:
            return
        stream = link.stream
        try:
            if mask & selectors.EVENT_READ:
                was_ready = stream.is_ready
                data = stream.read()
                if stream.is_ready and not was_ready:
                    self._begin(link)
                if data and not link.is_closing:
                    self._machine.receive_bytes(data, time.monotonic(), transport=link.number)
                link.is_ended = stream.is_ended
            self._flush(link)
        except StreamFailed as error:
            self._fail(link, error)

    def settle(self) -> bool:
        """Say which streams are over: after all that came, and after the answers to it.

        True if any is, so that there is something to drain.
        """
        ended = [link for link in self._links.values() if link.is_ended]
        for link in ended:
            self._lose(link)
        return bool(ended)

    # From the machine to the wire.

    def send(self, number: int, data: bytes) -> None:
        """Write ``data`` when `write` is called."""
        link = self._links.get(number)
        if link is not None:
            link.out.append(data)
            self._touched[number] = link

    def send_all(self, number: int, parts: Iterable[bytes]) -> None:
        """`send` for several, in order."""
        link = self._links.get(number)
        if link is not None:
            link.out += parts
            self._touched[number] = link

    def close(self, number: int) -> None:
        """Close this one when everything before is written."""
        link = self._links.get(number)
        if link is not None:
            link.is_closing = True
            self._touched[number] = link

    def abort(self, number: int) -> None:
        """Drop this one and what it has not written. Nothing is reported."""
        link = self._links.get(number)
        if link is not None:
            self._drop(link)

    def write(self) -> None:
        """Give the sockets what was sent since the last call."""
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for link in touched.values():
            if self._links.get(link.number) is not link:
                continue
            emitted, link.out = link.out, []
            try:
                if emitted:
                    link.stream.write(b"".join(emitted), len(emitted))
                self._flush(link)
            except StreamFailed as error:
                self._fail(link, error)

    def look_for(self, *, reading: bool) -> None:
        """Tell the selector what to wait for."""
        assert self._selector is not None
        for link in self._links.values():
            stream = link.stream
            # A handshake of TLS is read in any case: it holds nothing for the application.
            mask = selectors.EVENT_READ if reading or not stream.is_ready else 0
            if stream.wants_write:
                mask |= selectors.EVENT_WRITE
            if mask == link.mask:
                continue
            if not mask:
                self._selector.unregister(stream.socket)
            elif not link.mask:
                self._selector.register(stream.socket, mask, link)
            else:
                self._selector.modify(stream.socket, mask, link)
            link.mask = mask

    def close_all(self) -> None:
        """Drop every socket."""
        for link in list(self._links.values()):
            self._drop(link)

    def _begin(self, link: Link) -> None:
        opened = link.opened
        self._machine.transport_opened(
            time.monotonic(), transport=link.number, url=opened.url, headers=opened.headers
        )

    def _flush(self, link: Link) -> None:
        count = link.stream.flush()
        if count:
            self._machine.data_sent(count, time.monotonic(), transport=link.number)
        if link.is_closing and not link.stream.wants_write:
            self._lose(link)

    def _lose(self, link: Link) -> None:
        """The byte stream is over: close it and say so."""
        self._drop(link)
        self._machine.receive_eof(time.monotonic(), transport=link.number)

    def _fail(self, link: Link, error: StreamFailed) -> None:
        if not link.stream.is_ready:
            self._drop(link)
            failure = TransportFailure(kind=error.kind, detail=error.detail)
            self._machine.transport_failed(failure, time.monotonic(), transport=link.number)
        elif error.kind == "write" and not link.is_closing:
            # There may be something to read yet: a close frame that says why.
            link.stream.give_up_writing()
        else:
            self._lose(link)

    def _drop(self, link: Link) -> None:
        del self._links[link.number]
        if link.mask and self._selector is not None:
            self._selector.unregister(link.stream.socket)
        link.stream.close()
