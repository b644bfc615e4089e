"""The nonce of a WebSocket's handshake in a trace of bytes: it is drawn anew by each replay.

It knows where the answer to it stands in what a client received. It must not know traces.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ._actions import Action, SendBytes

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = re.compile(rb"sec-websocket-key: *([^\r\n]*)", re.IGNORECASE)
_ACCEPT: Final = re.compile(rb"sec-websocket-accept: *([^\r\n]*)", re.IGNORECASE)


@dataclass
class _Accept:
    """The answer to a nonce: where it stands in the recorded bytes, and what it must be now."""

    place: int
    new: bytes = b""
    seen: int = 0

    def put_right(self, data: bytes) -> bytes:
        """These bytes, the next that came, with the new answer in place of the recorded one."""
        out = bytearray(data)
        for offset in range(len(self.new)):
            at = self.place + offset - self.seen
            if 0 <= at < len(out):
                out[at] = self.new[offset]
        self.seen += len(data)
        return bytes(out)


class Nonces:
    """The answers to nonces in what came to one client, by transport."""

    def __init__(self, received: Iterable[tuple[int, bytes]]) -> None:
        streams: dict[int, bytearray] = {}
        for transport, data in received:
            streams.setdefault(transport, bytearray()).extend(data)
        self._accepts = {
            transport: _Accept(match.start(1))
            for transport, stream in streams.items()
            if (match := _ACCEPT.search(stream)) is not None
        }

    def look(self, action: Action) -> None:
        """The client sends this: its handshake, perhaps."""
        if isinstance(action, SendBytes):
            key = _KEY.search(action.data)
            accept = self._accepts.get(action.transport)
            if key is not None and accept is not None:
                digest = hashlib.sha1(bytes(key[1]) + _GUID, usedforsecurity=False).digest()
                accept.new = base64.b64encode(digest)

    def put_right(self, transport: int, data: bytes) -> bytes:
        """What came on a transport, as the answer to this replay's nonce."""
        accept = self._accepts.get(transport)
        return data if accept is None else accept.put_right(data)
