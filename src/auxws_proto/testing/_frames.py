"""What a machine's byte stream says, read from outside: the frames of RFC 6455 §5.2.

It knows frame headers and masks. It must not know what a message means, nor use the code that it is
there to check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def text_frame(payload: bytes, *, masked: bool) -> bytes:
    """A text frame made by hand (RFC 6455 §5.2), with a mask of zeros if it is to be masked."""
    bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = bytes((0x81, bit | size))
    elif size < 65_536:
        head = bytes((0x81, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x81, bit | 127)) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, unmasked."""

    opcode: int
    fin: bool
    payload: bytes


class FrameReader:
    """Frames from one direction of a connection, its HTTP head first."""

    def __init__(self, *, has_head: bool = True) -> None:
        self._data = bytearray()
        self._in_head = has_head
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete."""
        self._data += data
        if self._in_head:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._data[: end + 4]
            self._in_head = False
        while (frame := self._next()) is not None:
            yield frame

    def join(self, frame: Frame) -> bytes | None:
        """The whole message that this data frame completes, or None."""
        if frame.opcode >= CLOSE:
            return None
        self._parts.append(frame.payload)
        if not frame.fin:
            return None
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def _next(self) -> Frame | None:
        data = self._data
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < at + width:
                return None
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        mask = b""
        if data[1] & 0x80:
            mask, at = bytes(data[at : at + 4]), at + 4
        if len(data) < at + size:
            return None
        payload = bytes(data[at : at + size])
        if mask:
            key = (mask * (size // 4 + 1))[:size]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(
                size, "big"
            )
        frame = Frame(data[0] & 0x0F, bool(data[0] & 0x80), payload)
        del data[: at + size]
        return frame
