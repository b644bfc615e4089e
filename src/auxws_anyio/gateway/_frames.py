"""RFC 6455 frames from outside: measured as they pass, and a few made by hand.

It knows frame headers (RFC 6455 §5.2). It must not know messages, nor take part in the protocol:
the machine does that, and the gateway measures beside it, so that a fault of the machine shows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["FrameCounts"]

TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PONG = 0xA


@dataclass(slots=True)
class FrameCounts:
    """What passed in one direction: data frames and the sizes of their payloads, in bytes."""

    limit: int
    """Payload bytes; API Gateway's limit for one frame (``docs/protocol.md`` §5)."""
    frames: int = 0
    bytes: int = 0
    largest: int = 0
    over_limit: int = 0

    def count(self, size: int) -> None:
        """One data frame with a payload of this size passes."""
        self.frames += 1
        self.bytes += size
        self.largest = max(self.largest, size)
        if size > self.limit:
            self.over_limit += 1


class FrameMeter:
    """Counts the frames in a stream of bytes that may be cut anywhere."""

    def __init__(self, counts: FrameCounts) -> None:
        self._counts = counts
        self._head = bytearray()
        self._payload_left = 0
        self.data_frames = 0
        """Whole data frames so far."""
        self.has_closed = False
        """Whether a close frame came."""
        self._is_data = False

    def feed(self, data: bytes, *, stop_after: int | None = None) -> int:
        """Counts what is in ``data``; returns how much of it was looked at.

        That is all of it, unless ``stop_after`` whole data frames have been seen: then it is up to
        the end of the last of them.
        """
        at, end = 0, len(data)
        while at < end:
            if self._payload_left:
                step = min(self._payload_left, end - at)
                at += step
                self._payload_left -= step
                if self._payload_left:
                    break
            elif not self._take_head(data[at]):
                at += 1
                continue
            else:
                at += 1
                if self._payload_left:
                    continue
            self.data_frames += self._is_data
            if self._is_data and self.data_frames == stop_after:
                break
        return at

    def _take_head(self, octet: int) -> bool:
        """One more byte of a frame's header; whether that completes it."""
        head = self._head
        head.append(octet)
        if len(head) < 2:
            return False
        length = head[1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        if len(head) < 2 + extended + (4 if head[1] & 0x80 else 0):
            return False
        size = int.from_bytes(head[2 : 2 + extended], "big") if extended else length
        opcode = head[0] & 0x0F
        self._is_data = opcode < CLOSE
        if self._is_data:
            self._counts.count(size)
        self.has_closed = self.has_closed or opcode == CLOSE
        self._payload_left = size
        head.clear()
        return True


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole, final, unmasked frame: what a server sends."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return head + payload


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A close frame; without a code it is empty, as ``DeleteConnection`` sends it (§5)."""
    if code is None:
        return frame(CLOSE, b"")
    # A control frame has at most 125 bytes, and may not end inside a character.
    text = reason.encode()[:123].decode("utf-8", "ignore")
    return frame(CLOSE, struct.pack("!H", code) + text.encode())


def without_pongs(data: bytes) -> bytes:
    """Whole unmasked frames without the pongs among them."""
    kept, at = bytearray(), 0
    while at + 2 <= len(data):
        length = data[at + 1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        start = at + 2 + extended
        end = start + (int.from_bytes(data[at + 2 : start], "big") if extended else length)
        if data[at] & 0x0F != PONG:
            kept += data[at:end]
        at = end
    return bytes(kept)
