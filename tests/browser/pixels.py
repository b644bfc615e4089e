"""Reading PNG, as far as browsers write it: enough to tell a picture from nothing."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

Color = tuple[int, int, int]


def pixels(png: bytes) -> Counter[Color]:
    """How often each colour occurs in an image of 8 bits a channel that is not interlaced."""
    header, body, at = b"", b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        chunk = png[at + 8 : at + 8 + size]
        header = chunk if kind == b"IHDR" else header
        body += chunk if kind == b"IDAT" else b""
        at += size + 12
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert (depth, interlaced) == (8, 0)
    step = {2: 3, 6: 4}[color]
    raw, row, found = zlib.decompress(body), bytearray(width * step), Counter[Color]()
    for line in range(height):
        start = line * (width * step + 1)
        row = _unfilter(raw[start], raw[start + 1 : start + 1 + width * step], row, step)
        found.update(zip(row[0::step], row[1::step], row[2::step], strict=True))
    return found


def _unfilter(kind: int, line: bytes, above: bytearray, step: int) -> bytearray:
    row = bytearray(line)
    for i, value in enumerate(line):
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind]
        row[i] = (value + guess) & 255
    return row


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))


def brightness(colors: Counter[Color]) -> float:
    """The mean brightness, from 0 to 1."""
    total = sum(sum(color) * many for color, many in colors.items())
    return total / (765 * sum(colors.values()))
