"""How a WebSocket ends: broken bytes, and the closing handshake from either side."""

from __future__ import annotations

import pytest
from wsproto import events as ws

from auxws_proto import Role, Violation
from auxws_proto._received import Closed, Reply

from .peer import (
    BINARY,
    CLOSE,
    TARGET,
    TEXT,
    both_paths,
    both_roles,
    frame,
    make,
    open_pair,
    plain,
    received,
    sizes_of_frames,
)  # fmt: skip

CLIENT, SERVER = Role.CLIENT, Role.SERVER


# Bytes that break RFC 6455.

BROKEN: dict[str, tuple[bytes, int, Violation]] = {
    "reserved opcode 3": (b"\x83\x80", 1002, Violation.WEBSOCKET),
    "reserved opcode 11": (b"\x8b\x80", 1002, Violation.WEBSOCKET),
    "reserved bit 1": (b"\xc1\x80", 1002, Violation.WEBSOCKET),
    "reserved bit 3": (b"\x91\x80", 1002, Violation.WEBSOCKET),
    "fragmented ping": (b"\x09\x80", 1002, Violation.WEBSOCKET),
    "long ping": (b"\x89\xfe\x00\x7e", 1002, Violation.WEBSOCKET),
    "length in two bytes for one": (b"\x82\xfe\x00\x7d", 1002, Violation.WEBSOCKET),
    "length in eight bytes for two": (b"\x82\xff" + bytes(7) + b"\x7e", 1002, Violation.WEBSOCKET),
    "length with the highest bit": (b"\x82\xff\x80" + bytes(7), 1002, Violation.WEBSOCKET),
    "continuation of nothing": (b"\x80\x80\0\0\0\0", 1002, Violation.WEBSOCKET),
    "text within a message": (
        frame(TEXT, b"a", fin=False, masked=True) + frame(TEXT, b"b", masked=True),
        1002, Violation.WEBSOCKET,
    ),
    "text that is not UTF-8": (frame(TEXT, b"\xff", masked=True), 1007, Violation.INVALID_UTF8),
    "text that ends in a character": (
        frame(TEXT, b"\xe2\x82", masked=True), 1007, Violation.INVALID_UTF8,
    ),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80", masked=True), 1007, Violation.INVALID_UTF8),
}  # fmt: skip


@both_paths
@pytest.mark.parametrize(("data", "code", "violation"), BROKEN.values(), ids=BROKEN)
def test_bytes_that_break_rfc_6455_fail_the_connection(
    short_path: bool, data: bytes, code: int, violation: Violation
) -> None:
    for cut in range(len(data)):
        socket, peer = open_pair(SERVER, short_path=short_path)

        reply, closed = received(socket, data + frame(TEXT, b"late", masked=True), [cut])

        assert plain([closed]) == [(code, "", violation)]
        assert isinstance(reply, Reply)
        assert peer.receive(reply.data) == [ws.CloseConnection(code=code, reason="")]


@both_roles
@both_paths
def test_masks_where_they_must_not_be_and_none_where_they_must(
    role: Role, short_path: bool
) -> None:
    socket, _ = open_pair(role, short_path=short_path)

    reply, closed = received(socket, frame(TEXT, b"x", masked=role is CLIENT))

    assert isinstance(reply, Reply)
    assert plain([closed]) == [(1002, "", Violation.WEBSOCKET)]


# The closing handshake.


@both_roles
@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, ""),
        (b"\x03\xe8", 1000, ""),
        (b"\x03\xe9going away", 1001, "going away"),
        (b"\x03\xf1" + "é".encode(), 1009, "é"),
        (b"\x0b\xb8", 3000, ""),
        (b"\x13\x87" + b"x" * 123, 4999, "x" * 123),
    ],
)
def test_a_close_of_the_peer_is_answered_in_kind(
    role: Role, payload: bytes, code: int, reason: str
) -> None:
    socket, peer = open_pair(role)

    reply, closed = received(socket, peer.frame(CLOSE, payload) + peer.frame(TEXT, b"late"))

    assert closed == Closed(code, reason)
    assert isinstance(reply, Reply)
    assert sizes_of_frames(reply.data) == [len(payload)]
    assert reply.data[0] == 0x88
    assert received(socket, peer.frame(TEXT, b"later")) == list(socket.receive_eof()) == []


@both_roles
@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), *((n.to_bytes(2, "big"), 1002) for n in (
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535
    )), (b"\x03\xe8\xff", 1007)],
)  # fmt: skip
def test_a_close_that_must_not_be_is_a_violation(role: Role, payload: bytes, code: int) -> None:
    socket, peer = open_pair(role)

    reply, closed = received(socket, peer.frame(CLOSE, payload))

    assert isinstance(reply, Reply)
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert closed.code == code


def test_binary_after_our_close_is_not_answered_with_another() -> None:
    socket, peer = open_pair(CLIENT, close_on_violation=True)
    socket.close(1000, "")

    items = received(socket, peer.frame(BINARY))

    assert plain(items) == [(1003, "", Violation.BINARY_MESSAGE)]


def test_a_reason_is_cut_at_123_bytes_between_characters() -> None:
    socket, peer = open_pair(CLIENT)

    (event,) = peer.receive(socket.close(1011, "€" * 50))

    assert event == ws.CloseConnection(code=1011, reason="€" * 41)


def test_nothing_can_be_closed_before_the_handshake() -> None:
    socket = make(CLIENT)
    socket.request(TARGET, None, ())

    assert socket.close(1000, "") == b""
