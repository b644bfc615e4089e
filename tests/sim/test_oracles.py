"""Where two libraries may see a byte stream otherwise than we do: each row of the table, and only
what it says."""

from __future__ import annotations

import pytest

from auxws_proto import Role
from auxws_proto.testing import text_frame
from fuzz.oracles import ORACLES, WEBSOCKETS, WSPROTO, Seen, explanation
from fuzz.targets import differential, seen_by_us

HELLO = text_frame(b"hello", masked=False)
HELLO_SEEN: Seen = [("text", b"hello")]

EXAMPLES: list[tuple[str, str, bytes]] = [
    ("wsproto", "a frame that is not whole", b"\x81\x05\xff"),
    ("websockets", "a frame that is not whole", b"\x09\x05"),
    ("websockets", "a length in the long form", b"\x82\x7e\x00\x01x"),
    ("websockets", "a close frame inside a fragmented message", b"\x01\x01x\x88\x00"),
    ("websockets", "the close code 1014", b"\x88\x02\x03\xf6"),
    ("websockets", "a close frame with a bad code and a bad reason", b"\x88\x03\x00\x01\xff"),
]  # fmt: skip


@pytest.mark.parametrize(("library", "name", "data"), EXAMPLES)
def test_difference_is_explained(library: str, name: str, data: bytes) -> None:
    oracle = ORACLES[library]
    stream = HELLO + data

    ours = seen_by_us(Role.CLIENT, stream, is_short=True)
    theirs = oracle.seen(Role.CLIENT, stream)

    assert ours[:1] == theirs[:1] == HELLO_SEEN
    assert explanation(oracle, Role.CLIENT, stream, ours) == name


def test_every_row_has_an_example() -> None:
    rows = {("wsproto", row.name) for row in WSPROTO}
    rows |= {("websockets", row.name) for row in WEBSOCKETS}

    assert {(library, name) for library, name, _ in EXAMPLES} == rows
    assert all(row.why for row in (*WSPROTO, *WEBSOCKETS))


@pytest.mark.parametrize("library", ORACLES)
@pytest.mark.parametrize(
    "data",
    [
        HELLO,
        b"\x01\x02he\x89\x01p\x80\x03llo",
        b"\x82\x01x\x8a\x01x",
        b"\x88\x07\x03\xe8hello",
        b"\x88\x00",
        b"\x81\x01\xff",
        b"\x80\x00",
        b"\x91\x00",
        b"\x01\x01x\x81\x01x",
        b"\x81\x81\x00\x00\x00\x00x",
    ],
)
def test_nothing_is_different(library: str, data: bytes) -> None:
    oracle = ORACLES[library]

    for is_short in (True, False):
        ours = seen_by_us(Role.CLIENT, data, is_short=is_short)
        assert explanation(oracle, Role.CLIENT, data, ours) == ""
        assert ours


WRONG: list[tuple[bytes, Seen]] = [
    (HELLO, []),
    (HELLO, [("text", b"hullo")]),
    (HELLO, [("text", b"hello"), ("text", b"hello")]),
    (HELLO, [("text", b"hello"), ("fail", 1002)]),
    (HELLO[:3], [("text", b"")]),
    (b"\x88\x02\x03\xe8", [("fail", 1002)]),
    (HELLO + b"\x82\x7e\x00\x01x", [("fail", 1002)]),
    (b"\x81\x01\xff", [("fail", 1002)]),
]


@pytest.mark.parametrize("library", ORACLES)
@pytest.mark.parametrize(("data", "ours"), WRONG)
def test_other_difference_is_not_explained(library: str, data: bytes, ours: Seen) -> None:
    oracle = ORACLES[library]

    assert explanation(oracle, Role.CLIENT, data, ours) is None


def test_masked_frames_are_read_too() -> None:
    stream = text_frame(b"hello", masked=True) + b"\x88\x82\x01\x02\x03\x04\x02\xf4"

    differential(stream)

    assert seen_by_us(Role.SERVER, stream, is_short=True) == [*HELLO_SEEN, ("fail", 1002)]
