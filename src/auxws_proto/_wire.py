"""One transport in bytes: its WebSocket, and what each of its writes carries.

It knows which writes are texts of the session, and when a ping is answered. It must not know the
session, nor another transport.
"""

from __future__ import annotations

from typing import Final

from ._action_queue import ActionQueue
from ._actions import SendText
from ._quick import send_bytes
from ._runs import ByteRun, TextRun
from ._websocket import WebSocket

_OTHER, _TEXT, _PONG = 0, 1, 2

_MAX_PONGS: Final = 16
"""Unwritten pongs from which on only the latest ping is answered. The Autobahn cases 2.10 and 2.11
send ten pings in one write and want ten pongs."""


class Wire:
    """What is written goes into ``queue``."""

    __slots__ = (
        "_kinds", "_latest_ping", "_pongs", "_queue", "is_begun", "is_closing", "number", "socket",
        "url",
    )  # fmt: skip

    def __init__(self, number: int, socket: WebSocket, queue: ActionQueue) -> None:
        self.number = number
        self.socket = socket
        self.url: str | None = None
        self.is_begun = False
        self.is_closing = False
        self._queue = queue
        self._kinds: list[int] = []
        """What each write that is not reported carries."""
        self._pongs = 0
        """How many of those are pongs."""
        self._latest_ping: bytes | None = None
        """One that is to be answered when they are written."""

    def write(self, data: bytes) -> None:
        """Write what is no text."""
        self._write(data, _OTHER)

    def text(self, action: SendText) -> None:
        """Write a text."""
        self._kinds.append(_TEXT)
        data = self.socket.text(action.data, action.max_frame)
        self._queue.append(send_bytes(self.number, data, action.send_id))

    def texts(self, run: TextRun) -> None:
        """Write texts in a row."""
        self._kinds += [_TEXT] * len(run)
        frames = self.socket.texts([*run.data], run.max_frame)
        self._queue.append(ByteRun(self.number, frames, run.ids))

    def close(self, code: int, reason: str) -> None:
        """Write a close frame, behind which nothing is written."""
        self.is_closing = True
        self.write(self.socket.close(code, reason))

    def pinged(self, payload: bytes) -> None:
        """A ping came."""
        if self.is_closing:
            return
        if self._pongs >= _MAX_PONGS:
            # "MAY elect to send a Pong frame for only the most recently processed Ping" (RFC 6455
            # §5.5.3): so a flood of pings does not pile up behind a full socket.
            self._latest_ping = payload
        else:
            self._pong(payload)

    def written(self, count: int) -> int:
        """The first ``count`` writes are complete; returns how many of them were texts."""
        kinds = self._kinds[:count]
        del self._kinds[:count]
        self._pongs -= kinds.count(_PONG)
        if self._latest_ping is not None and not self._pongs:
            payload, self._latest_ping = self._latest_ping, None
            if not self.is_closing:
                self._pong(payload)
        return kinds.count(_TEXT)

    def _pong(self, payload: bytes) -> None:
        self._pongs += 1
        self._write(self.socket.pong(payload), _PONG)

    def _write(self, data: bytes, kind: int) -> None:
        self._kinds.append(kind)
        self._queue.append(send_bytes(self.number, data, None))
