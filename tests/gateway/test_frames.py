"""Frames measured from outside: cut anywhere, all lengths, both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from auxws_anyio.gateway._frames import (
    BINARY,
    CLOSE,
    PONG,
    TEXT,
    FrameCounts,
    FrameMeter,
    close_frame,
    frame,
    without_pongs,
)

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536]


def masked(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return bytes(FrameProtocol(client=True, extensions=[])._serialize_frame(opcode, payload, fin))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("by_client", [True, False])
def test_sizes_of_all_lengths_are_counted(size: int, by_client: bool) -> None:
    counts = FrameCounts(limit=32_768)
    payload = b"x" * size

    meter = FrameMeter(counts)
    consumed = meter.feed(masked(Opcode.TEXT, payload) if by_client else frame(TEXT, payload))

    assert counts == FrameCounts(
        limit=32_768, frames=1, bytes=size, largest=size, over_limit=int(size > 32_768)
    )
    assert meter.data_frames == 1
    assert consumed == size + {True: 4, False: 0}[by_client] + (
        2 if size < 126 else 4 if size < 65_536 else 10
    )


FRAMES = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 130))
    | st.tuples(st.sampled_from([8, 9, 10]), st.integers(0, 125))
)


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 40), min_size=1))
def test_cuts_make_no_difference(frames: list[tuple[int, int]], cuts: list[int]) -> None:
    data = b"".join(masked(Opcode(opcode), b"y" * size) for opcode, size in frames)
    counts = FrameCounts(limit=100)
    meter = FrameMeter(counts)

    at, turn = 0, 0
    while at < len(data):
        step = data[at : at + cuts[turn % len(cuts)]]
        assert meter.feed(step) == len(step)
        at, turn = at + len(step), turn + 1

    sizes = [size for opcode, size in frames if opcode < 8]
    assert counts == FrameCounts(
        limit=100,
        frames=len(sizes),
        bytes=sum(sizes),
        largest=max(sizes, default=0),
        over_limit=sum(size > 100 for size in sizes),
    )
    assert meter.data_frames == len(sizes)
    assert meter.has_closed is any(opcode == 8 for opcode, _ in frames)


def test_stopping_after_a_frame_tells_where_it_ends() -> None:
    first, second = masked(Opcode.TEXT, b"one"), masked(Opcode.TEXT, b"two")
    ping = masked(Opcode.PING, b"")
    meter = FrameMeter(FrameCounts(limit=100))

    consumed = meter.feed(first + ping + second + first, stop_after=2)

    assert consumed == len(first + ping + second)


def test_a_stop_waits_for_the_end_of_the_payload() -> None:
    data = masked(Opcode.TEXT, b"one")
    meter = FrameMeter(FrameCounts(limit=100))

    assert meter.feed(data[:-1], stop_after=1) == len(data) - 1
    assert meter.data_frames == 0
    assert meter.feed(data[-1:] + data, stop_after=1) == 1


@pytest.mark.parametrize("size", SIZES)
def test_our_frames_are_those_of_wsproto(size: int) -> None:
    theirs = FrameProtocol(client=False, extensions=[])

    assert frame(TEXT, b"x" * size) == theirs.send_data("x" * size)
    assert frame(BINARY, b"x" * size) == theirs.send_data(b"x" * size)


def test_close_frames() -> None:
    theirs = FrameProtocol(client=False, extensions=[])

    assert close_frame(None) == frame(CLOSE, b"")
    assert close_frame(1001, "Going away") == theirs.close(1001, "Going away")
    long = close_frame(1001, "ü" * 100)
    assert len(long) == 2 + 2 + 122
    assert long[4:].decode() == "ü" * 61


def test_pongs_are_taken_out() -> None:
    text, pong = frame(TEXT, b"x" * 200), frame(PONG, b"payload")

    assert without_pongs(pong + text + pong + close_frame(None) + frame(TEXT, b"y" * 70_000)) == (
        text + close_frame(None) + frame(TEXT, b"y" * 70_000)
    )
