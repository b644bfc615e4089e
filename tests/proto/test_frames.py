"""The short path: frames by hand, held to wsproto's."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from auxws_proto._frames import (
    Head,
    Mask,
    Splitter,
    is_utf8,
    mask,
    split_utf8,
    text_frame,
    text_frames,
)

KEY = b"\x11\x22\x33\x44"
SIZES = [0, 1, 125, 126, 127, 2_047, 2_048, 2_049, 65_535, 65_536]


@pytest.mark.parametrize("size", SIZES)
def test_mask_is_the_xor_of_rfc_6455(size: int) -> None:
    data = bytes(i * 7 % 256 for i in range(size))
    masked = mask(data, KEY)
    assert masked == bytes(b ^ KEY[i % 4] for i, b in enumerate(data))
    assert mask(masked, KEY) == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", [None, KEY])
def test_wsproto_reads_our_frames(size: int, key: bytes | None) -> None:
    side = ConnectionType.CLIENT if key is None else ConnectionType.SERVER
    peer = Connection(side)
    peer.receive_data(text_frame(b"x" * size, key))
    assert list(peer.events()) == [TextMessage(data="x" * size)]


@pytest.mark.parametrize("size", SIZES)
def test_our_unmasked_frames_are_wsprotos_to_the_byte(size: int) -> None:
    text = "x" * size
    assert text_frame(text.encode(), None) == Connection(ConnectionType.SERVER).send(
        TextMessage(data=text)
    )


@pytest.mark.parametrize("apply_mask", [mask, lambda data, key: mask(data, key)])
@pytest.mark.parametrize("masked", [False, True])
def test_frames_in_a_row_are_the_frames_one_by_one(masked: bool, apply_mask: Mask) -> None:
    texts = [bytes(i * 7 % 256 for i in range(size)) for size in SIZES]
    keys = bytes(range(4 * len(SIZES)))
    single = [keys[at : at + 4] if masked else None for at in range(0, len(keys), 4)]

    frames = text_frames(texts, keys if masked else None, apply_mask)

    assert frames == [text_frame(t, key) for t, key in zip(texts, single, strict=True)]


def split_all(splitter: Splitter, data: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    """The payloads, and everything else joined, for a stream cut at these places."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    texts, rest = [], b""
    for start, stop in pairwise(edges):
        for part in splitter.split(data[start:stop]):
            if isinstance(part, list):
                texts.extend(part)
            else:
                rest += part
    return texts, rest


@given(
    st.lists(st.sampled_from([0, 1, 125, 126, 200, 70_000]), max_size=5),
    st.lists(st.integers(0, 80_000), max_size=8),
    st.booleans(),
)
@example([200, 1], [1, 2, 3, 4, 5, 6, 7], True)
def test_any_portions_give_the_same_frames(sizes: list[int], cuts: list[int], masked: bool) -> None:
    payloads = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
    stream = b"".join(text_frame(p, KEY if masked else None) for p in payloads)
    assert split_all(Splitter(masked=masked, limit=100_000), stream, cuts) == (payloads, b"")


OTHERS = {
    "ping": b"\x89\x02hi",
    "close": b"\x88\x00",
    "binary": b"\x82\x01x",
    "reserved bit": b"\xc1\x01x",
    "unknown opcode": b"\x83\x01x",
    "masked, and must not be": text_frame(b"x", KEY),
    "125 bytes with a length in two": b"\x81\x7e\x00\x7d" + b"x" * 125,
    "no bytes with a length in two": b"\x81\x7e\x00\x00",
    "65,535 bytes with a length in eight": b"\x81\x7f" + b"\0" * 5 + b"\0\xff\xff" + b"x" * 65_535,
    "first of a fragmented message": b"\x01\x01x",
    "last of a fragmented message": b"\x80\x01x",
}


@pytest.mark.parametrize("frame", OTHERS.values(), ids=OTHERS)
def test_all_else_goes_on_as_it_came(frame: bytes) -> None:
    for cut in range(min(len(frame), 200)):
        assert split_all(Splitter(masked=False, limit=100_000), frame, [cut]) == ([], frame)


def test_a_text_frame_inside_a_fragmented_message_goes_on_as_it_came() -> None:
    """It breaks RFC 6455 §5.4; a ping there does not, and changes nothing."""
    stream = b"\x01\x01a" + b"\x89\x00" + text_frame(b"b", None) + b"\x80\x01c"
    after = text_frame(b"d", None)
    texts, rest = split_all(
        Splitter(masked=False, limit=100), stream[:5] + b"\x80\x01c" + after, []
    )
    assert (texts, rest) == ([b"d"], stream[:5] + b"\x80\x01c")
    assert split_all(Splitter(masked=False, limit=100), stream, [])[0] == []


def test_a_frame_over_the_limit_goes_on_in_portions_and_is_not_kept() -> None:
    splitter = Splitter(masked=False, limit=10)
    frame = text_frame(b"x" * 11, None)
    assert list(splitter.split(frame[:5])) == [frame[:5]]
    assert list(splitter.split(frame[5:] + text_frame(b"y" * 10, None))) == [
        frame[5:],
        [b"y" * 10],
    ]


@pytest.mark.parametrize("masked", [False, True])
def test_texts_in_a_row_come_at_once(masked: bool) -> None:
    payloads = [b"a", b"b" * 125, b"c" * 126, b"d" * 65_535, b""]
    key = KEY if masked else None
    stream = b"".join(text_frame(payload, key) for payload in payloads)
    splitter = Splitter(masked=masked, limit=65_535)
    assert list(splitter.split(stream + b"\x8a\x00" + stream)) == [
        payloads, b"\x8a\x00", payloads,
    ]  # fmt: skip


def test_head_is_split_from_the_frames_behind_it() -> None:
    head = Head()
    assert head.split(b"HTTP/1.1 101 x\r\n") == (b"", b"")
    assert head.split(b"\r\n\x81") == (b"HTTP/1.1 101 x\r\n\r\n", b"\x81")


def test_a_head_without_end_is_handed_on() -> None:
    assert Head().split(b"x" * 16_385) == (b"x" * 16_385, b"")


@given(st.text(), st.integers(4, 9))
def test_parts_end_between_characters(text: str, size: int) -> None:
    data = text.encode("utf-8", "replace")
    parts = list(split_utf8(data, size))
    assert b"".join(parts) == data
    assert all(len(part) <= size and is_utf8(part) for part in parts)


def test_bytes_that_are_not_utf8() -> None:
    assert not is_utf8(b"\xff")
