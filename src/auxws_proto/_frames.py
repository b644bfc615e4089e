"""The short path for nearly all traffic: whole, unfragmented, final text frames (RFC 6455 §5.2).

It knows the header of a frame and masking. It must not know the rest of RFC 6455: whatever is no
such frame, or not well formed, goes on as it came to wsproto, which has all the errors.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

Mask: TypeAlias = Callable[[bytes, bytes], bytes]
"""XORs data with a key of four bytes."""

_FINAL_TEXT: Final = 0x81
_MASKED: Final = 0x80
_BIG_INTEGER_BEST: Final = 2_048
"""Up to this size one XOR of big integers is fastest in pure Python, above it `bytes.translate`."""

_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_MAX_HEAD: Final = 16_384
"""As much of a handshake is waited for; h11 refuses more."""

_LEAST: Final = [*range(126), 126, 65_536]
"""The smallest payload for each length code; what is smaller has a shorter code."""

_HEADS: Final = [bytes((_FINAL_TEXT, second)) for second in range(256)]
_HEAD_16: Final = struct.Struct("!BBH").pack
_HEAD_64: Final = struct.Struct("!BBQ").pack
_integer: Final = int.from_bytes
_TABLES: Final = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


def mask(data: bytes, key: bytes) -> bytes:
    """XOR `data` with `key`, repeated (RFC 6455 §5.3). Its own inverse."""
    size = len(data)
    if size <= _BIG_INTEGER_BEST:
        keys = (key * (size // 4 + 1))[:size]
        masked_number = int.from_bytes(data, "little") ^ int.from_bytes(keys, "little")
        return masked_number.to_bytes(size, "little")
    masked = bytearray(size)
    for offset in range(4):
        masked[offset::4] = data[offset::4].translate(_TABLES[key[offset]])
    return bytes(masked)


def text_frame(data: bytes, key: bytes | None, apply_mask: Mask = mask) -> bytes:
    """One final text frame; `key` masks it, which a client's frames must be (RFC 6455 §5.1)."""
    return text_frames([data], key, apply_mask)[0]


def text_frames(texts: list[bytes], keys: bytes | None, apply_mask: Mask = mask) -> list[bytes]:
    """`text_frame` for texts in a row; ``keys`` are theirs, four bytes each."""
    bit = 0 if keys is None else _MASKED
    is_pure = apply_mask is mask
    frames: list[bytes] = []
    at = 0
    for data in texts:
        size = len(data)
        if size < 126:
            header = _HEADS[bit | size]
        elif size < 65_536:
            header = _HEAD_16(_FINAL_TEXT, bit | 126, size)
        else:
            header = _HEAD_64(_FINAL_TEXT, bit | 127, size)
        if keys is None:
            frames.append(header + data)
            continue
        key = keys[at : at + 4]
        at += 4
        if is_pure and size <= _BIG_INTEGER_BEST:
            # As `mask` does it, without the call, which costs a fifth of a small frame.
            pad = _integer((key * ((size >> 2) + 1))[:size], "little")
            masked = (_integer(data, "little") ^ pad).to_bytes(size, "little")
        else:
            masked = apply_mask(data, key)
        frames.append(header + key + masked)
    return frames


class Splitter:
    """Splits a byte stream into whole text frames, and the rest as it came.

    ``masked`` says whether the peer's frames must be masked; a frame of more than ``limit`` bytes
    goes on in portions, so no more than that is ever kept.
    """

    def __init__(self, *, masked: bool, limit: int, apply_mask: Mask = mask) -> None:
        self._masked = _MASKED if masked else 0
        self._limit = limit
        self._mask = apply_mask
        self._kept: list[bytes] = []
        self._missing = 0
        self._passing: int = 0
        self._in_message = False

    def split(self, data: bytes) -> Iterator[list[bytes] | bytes]:
        """Yield a list of payloads for whole text frames in a row, and bytes for all else."""
        if self._kept:
            self._kept.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                # Joined once it is whole: a frame in many small portions must not cost its square.
                return
            data = b"".join(self._kept)
            self._kept = []
        start, end = 0, len(data)
        while start < end:
            if not self._passing and not self._in_message:
                texts, start = self._texts(data, start, end)
                if texts:
                    yield texts
                if start == end:
                    return
            if self._passing:
                stop = min(end, start + self._passing)
                self._passing -= stop - start
                yield data[start:stop]
                start = stop
                continue
            self._missing = 1
            measured = self._measure(data, start, end)
            if measured is None:
                break
            head, size = measured
            stop = start + head + size
            first = data[start]
            is_text = (
                first == _FINAL_TEXT
                and not self._in_message
                and data[start + 1] & _MASKED == self._masked
                # "the minimal number of bytes MUST be used to encode the length" (RFC 6455 §5.2)
                and size >= _LEAST[data[start + 1] & 0x7F]
            )
            if size > self._limit or not is_text:
                if not first & 0x08:
                    self._in_message = not first & 0x80
                self._passing = head + size
            elif stop > end:
                self._missing = stop - end
                break
            else:
                yield [self._payload(data, start + head, stop)]
                start = stop
        if start < end:
            self._kept = [data[start:]]

    def _texts(self, data: bytes, start: int, end: int) -> tuple[list[bytes], int]:
        """The text frames of under 64 KiB that are whole and in a row, and where the row ends."""
        masked, limit, payload = self._masked, self._limit, self._payload
        head = 6 if masked else 2
        last, text = end - head, _FINAL_TEXT
        texts: list[bytes] = []
        while start <= last and data[start] == text:
            # A wrong mask bit makes it too large.
            size = data[start + 1] ^ masked
            body = start + head
            if size > 125:
                body += 2
                if size > 126 or body > end:
                    break
                size = data[start + 2] << 8 | data[start + 3]
                if size < 126:
                    break
            stop = body + size
            if size > limit or stop > end:
                break
            texts.append(payload(data, body, stop) if masked else data[body:stop])
            start = stop
        return texts, start

    def _payload(self, data: bytes, body: int, stop: int) -> bytes:
        """What is in a frame's body, unmasked."""
        payload = data[body:stop]
        return self._mask(payload, data[body - 4 : body]) if self._masked else payload

    def _measure(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """The sizes of the header at `start` and of its payload; None: not enough is here."""
        if end - start < 2:
            return None
        second = data[start + 1]
        size, head = second & 0x7F, 2
        if size == 126:
            head = 4
        elif size == 127:
            head = 10
        if end - start < head + (4 if second & _MASKED else 0):
            return None
        if head > 2:
            size = int.from_bytes(data[start + 2 : start + head], "big")
        return head + (4 if second & _MASKED else 0), size


class Head:
    """Splits the handshake's head off a byte stream, since frames may come right behind it."""

    def __init__(self) -> None:
        self._kept = b""

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """The head once it is whole, and what follows it; one that does not end comes too."""
        data, self._kept = self._kept + data, b""
        end = _END_OF_HEAD.search(data)
        if end is not None:
            return data[: end.end()], data[end.end() :]
        if len(data) > _MAX_HEAD:
            return data, b""
        self._kept = data
        return b"", b""


def split_utf8(data: bytes, size: int) -> Iterator[bytes]:
    """Parts of at most `size` bytes that end between characters."""
    start = 0
    while len(data) - start > size:
        end = start + size
        # 0b10xxxxxx continues a character.
        while data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start = end
    yield data[start:]


def is_utf8(data: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
