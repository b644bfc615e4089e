"""`_assembly`: parts of frames, joined to messages within their bounds."""

from __future__ import annotations

import pytest

from auxws_proto import RemoteProtocolError, Violation
from auxws_proto._assembly import Assembly


def refused(assembly: Assembly, *frames: bytes, is_binary: bool = False) -> list[Violation | None]:
    """What is said of each frame of one message."""
    found = [
        assembly.add(data, is_binary=is_binary, ends_frame=True, ends_message=number == len(frames))
        for number, data in enumerate(frames, 1)
    ]
    return [None if error is None else error.violation for error in found]


def test_parts_are_joined_in_their_order() -> None:
    assembly = Assembly(max_message=10, max_frame=None)

    assert refused(assembly, b"one", b"", b"two") == [None] * 3
    assert assembly.finish() == b"onetwo"
    assert refused(assembly, b"alone") == [None]
    assert assembly.finish() == b"alone"


@pytest.mark.parametrize(
    ("frames", "is_binary", "violation", "words"),
    [
        ([b"x"], True, Violation.BINARY_MESSAGE, "a binary message; events are text"),
        ([b"x" * 6, b"y" * 5], False, Violation.TOO_LARGE, "over 10 bytes"),
        ([b"x" * 9], False, Violation.FRAME_TOO_LARGE, "over 8 bytes"),
    ],
)
def test_a_refusal_is_told_once_and_again_at_the_end(
    frames: list[bytes], is_binary: bool, violation: Violation, words: str
) -> None:
    assembly = Assembly(max_message=10, max_frame=8)

    said = refused(assembly, *frames, b"z", is_binary=is_binary)

    assert [violation] == [each for each in said if each is not None]
    error = assembly.finish()
    assert isinstance(error, RemoteProtocolError)
    assert error.violation is violation
    assert words in str(error)
    assert refused(assembly, b"next") == [None]
    assert assembly.finish() == b"next"


def test_a_frame_is_counted_over_all_its_parts() -> None:
    assembly = Assembly(max_message=99, max_frame=8)

    said = [
        assembly.add(data, is_binary=False, ends_frame=False, ends_message=False)
        for data in (b"x" * 8, b"y")
    ]

    assert said[0] is None
    assert said[1] is not None
    assert said[1].violation is Violation.FRAME_TOO_LARGE


def test_what_was_held_back_of_a_character_counts_for_the_frame_before() -> None:
    """wsproto gives the first bytes of a character with the last, in the next frame."""
    assembly = Assembly(max_message=99, max_frame=8)

    assert refused(assembly, b"x" * 6, "漢".encode() + b"y" * 8) == [None, None]
    assembly.finish()
    assert refused(assembly, b"x", b"y" * 12) == [None, Violation.FRAME_TOO_LARGE]
