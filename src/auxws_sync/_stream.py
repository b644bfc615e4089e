"""A connected, non-blocking socket, with TLS or without. Only the pump's thread touches it.

It knows sockets and records. It must not know frames, nor wait for anything: it says what it waits
for (`wants_write`, `wants_read`), and its owner asks a selector.

Strategy: TLS runs over two memory buffers (`ssl.SSLObject`), so that a record is never half
written and "wants to write while reading" is nothing but bytes in the out-buffer. What was given to
`write` in one go is counted off by `flush` when its last byte, encrypted, has left.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque

from ._sockets import reason_of, shut_down

READ_SIZE = 256 * 1024
"""Longer reads gain nothing, shorter ones cost a system call each."""

_WOULD_BLOCK = (BlockingIOError, InterruptedError)


class StreamFailed(Exception):
    """The stream is broken. ``kind`` is that of a `TransportFailure`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Stream:
    """Bytes in, bytes out, over a socket that it owns from now on.

    With ``tls``, call `start` and feed `read` until `is_ready`.
    """

    def __init__(
        self, sock: socket.socket, tls: ssl.SSLContext | None = None, server_name: str = ""
    ) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.is_ready: bool = tls is None
        """Whether application data can flow: at once, or when the TLS handshake is over."""
        self.is_ended: bool = False
        """Whether the peer has ended the stream; what `read` returned before still counts."""
        self._out = bytearray()
        self._gone = 0
        self._is_broken = False
        self._queued = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._tls: ssl.SSLObject | None = None
        if tls is not None:
            self._incoming = ssl.MemoryBIO()
            self._outgoing = ssl.MemoryBIO()
            self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait to leave."""
        return bool(self._out)

    def start(self) -> None:
        """Begin the TLS handshake, if there is to be one."""
        if self._tls is not None:
            self._shake_hands(self._tls)

    def write(self, data: bytes, count: int) -> None:
        """Queue ``data``, which holds ``count`` emissions, for `flush`. Raises `StreamFailed`."""
        if self._is_broken:
            return
        if self._tls is not None:
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                raise StreamFailed("write", reason_of(error)) from None
            data = self._outgoing.read()
        self._queue(data)
        self._marks.append((self._queued, count))

    def flush(self) -> int:
        """Send what the socket takes; return how many emissions have left since the last call.

        Raises `StreamFailed`.
        """
        if self._out:
            try:
                sent = self.socket.send(self._out)
            except _WOULD_BLOCK:
                return 0
            except OSError as error:
                raise self._failed("write", error) from None
            del self._out[:sent]
            self._gone += sent
        count = 0
        while self._marks and self._marks[0][0] <= self._gone:
            count += self._marks.popleft()[1]
        return count

    def read(self) -> bytes:
        """What has come, empty if nothing has; look at `is_ended` too. Raises `StreamFailed`."""
        try:
            data = self.socket.recv(READ_SIZE)
        except _WOULD_BLOCK:
            return b""
        except OSError as error:
            raise self._failed("read", error) from None
        self.is_ended = not data
        return data if self._tls is None else self._decrypt(self._tls, data)

    def give_up_writing(self) -> None:
        """Nothing can be sent any more; drop what waits, and all that comes."""
        self._is_broken = True
        self._out.clear()

    def close(self) -> None:
        """Close the socket; with TLS say so first, as far as that can be said without waiting."""
        if self._tls is not None and self.is_ready and not self._out:
            # The peer's own goodbye is not there yet; ours is in the buffer, which is what counts.
            with contextlib.suppress(ssl.SSLError, ValueError):
                self._tls.unwrap()
            self._queue(self._outgoing.read())
        if self._tls is not None:
            # That the peer was faster changes nothing. Without a handshake this is an alert.
            with contextlib.suppress(StreamFailed):
                self.flush()
        # A forked child may hold the socket too: closing alone would not tell the peer then.
        shut_down(self.socket)
        self.socket.close()

    def _failed(self, kind: str, error: OSError) -> StreamFailed:
        return StreamFailed(kind if self.is_ready else "tls", reason_of(error))

    def _queue(self, data: bytes) -> None:
        if self._is_broken:
            return
        self._out += data
        self._queued += len(data)

    def _decrypt(self, tls: ssl.SSLObject, data: bytes) -> bytes:
        if data:
            self._incoming.write(data)
        elif not self.is_ready:
            raise StreamFailed("tls", "the peer hung up during the TLS handshake")
        else:
            self._incoming.write_eof()
        if not self.is_ready and not self._shake_hands(tls):
            return b""
        parts: list[bytes] = []
        try:
            while part := tls.read(READ_SIZE):
                parts.append(part)
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            # Cut off without a goodbye, or not TLS any more: over, either way. A WebSocket has a
            # closing handshake of its own, which tells a truncation (RFC 6455 §7.1.5).
            self.is_ended = True
        self._queue(self._outgoing.read())
        return b"".join(parts)

    def _shake_hands(self, tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise StreamFailed("tls", reason_of(error)) from None
        finally:
            # Also an alert that tells the peer what is wrong.
            self._queue(self._outgoing.read())
        self.is_ready = True
        return True
