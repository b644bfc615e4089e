"""RFC 6455 in both roles, against wsproto on the other side, through any portions of bytes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto import events as ws

from auxws_proto import RemoteProtocolError, Role, TransportFailure, Violation
from auxws_proto._received import (
    Accepted,
    Closed,
    Pinged,
    Ponged,
    Refused,
    Reply,
    Texts,
)
from auxws_proto._websocket import WebSocket

from .peer import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TARGET,
    TEXT,
    Peer,
    both_paths,
    both_roles,
    make,
    open_pair,
    plain,
    received,
    shake,
    sizes_of_frames,
)

CLIENT, SERVER = Role.CLIENT, Role.SERVER
RECORDS = "casualos.records"


# The handshake.


def test_the_request_to_the_header() -> None:
    socket = make(CLIENT)

    data = socket.request(TARGET, RECORDS, [("X-Api-Key", "k\xe9y"), ("Origin", "https://o")])

    head, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    nonce = headers.pop(b"Sec-WebSocket-Key")
    assert head == b"GET /dev?x=1 HTTP/1.1"
    assert len(nonce) == 24
    assert headers == {
        b"Host": b"abc.execute-api.us-east-1.amazonaws.com",
        b"Upgrade": b"websocket",
        b"Connection": b"Upgrade",
        b"Sec-WebSocket-Version": b"13",
        b"Sec-WebSocket-Protocol": b"casualos.records",
        b"X-Api-Key": b"k\xe9y",
        b"Origin": b"https://o",
    }


@both_roles
@pytest.mark.parametrize("subprotocol", [None, RECORDS])
def test_handshakes_with_and_without_the_subprotocol(role: Role, subprotocol: str | None) -> None:
    socket = make(role)

    peer = shake(socket, role, subprotocol)

    assert socket.is_open
    assert received(socket, peer.send(ws.TextMessage(data="hello"))) == [Texts([b"hello"])]


@both_paths
@pytest.mark.parametrize("before_end", [0, 3, 9, 10, 11, 12, 13, 14, 60, 1_000])
def test_frames_may_come_right_behind_the_handshake(short_path: bool, before_end: int) -> None:
    socket, peer = make(CLIENT, short_path=short_path), Peer(CLIENT)
    peer.receive(socket.request(TARGET, None, ()))
    data = peer.send(ws.AcceptConnection(), ws.TextMessage(data="a"), ws.Ping(payload=b"p"))

    items = received(socket, data, [max(0, len(data) - before_end)])

    assert items == [Accepted(), Texts([b"a"]), Pinged(b"p")]


# Hostile handshakes, of servers.


def refused(socket: WebSocket, data: bytes) -> Refused:
    *replies, refusal = received(socket, data)
    assert all(isinstance(reply, Reply) for reply in replies)
    assert isinstance(refusal, Refused)
    assert list(socket.receive_eof()) == received(socket, b"more") == []
    assert not socket.is_open
    return refusal


def response(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (response("400 Bad"), TransportFailure(kind="rejected", status=400, detail="HTTP 400")),
        (response("401 No"), TransportFailure(kind="rejected", status=401, detail="HTTP 401")),
        (
            response("403 Forbidden", "X-Note: \xff", body=b"{}" * 10_000),
            TransportFailure(kind="rejected", status=403, detail="HTTP 403"),
        ),
        (
            response("302 Found", "Location: wss://evil.org/"),
            TransportFailure(kind="rejected", status=302, detail="HTTP 302"),
        ),
        (response("200 OK"), TransportFailure(kind="rejected", status=200, detail="HTTP 200")),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            TransportFailure(kind="rejected", status=103, detail="HTTP 103"),
        ),
        (
            response("429 Slow", "Retry-After: 120"),
            TransportFailure(kind="rejected", status=429, detail="HTTP 429", retry_after=120.0),
        ),
        *(
            (
                response("503 Busy", f"Retry-After: {wait}"),
                TransportFailure(kind="rejected", status=503, detail="HTTP 503"),
            )
            for wait in ("soon", "-1", "1.5", "1000000", "Fri, 31 Dec 1999 23:59:59 GMT", "")
        ),
        (
            b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>",
            TransportFailure(kind="rejected", status=502, detail="HTTP 502"),
        ),
    ],
)
def test_a_server_may_refuse_and_say_how_long(data: bytes, failure: TransportFailure) -> None:
    for cut in (0, 5, len(data) // 2):
        socket = make(CLIENT)
        socket.request(TARGET, None, ())

        assert [*socket.receive(data[:cut]), *socket.receive(data[cut:])] == [Refused(failure)]
        assert list(socket.receive_eof()) == received(socket, b"more") == []


def test_a_400_to_a_subprotocol_is_a_refusal_of_it() -> None:
    """ "any other value: HTTP 400 at the handshake" (docs/protocol.md §1)"""
    socket = make(CLIENT)
    socket.request(TARGET, "other", ())

    failure = refused(socket, response("400 Bad Request")).failure

    assert (failure.kind, failure.status) == ("subprotocol", 400)


@pytest.mark.parametrize("offer", [[], ["other"], ["casualos.records", "other"]])
def test_a_server_refuses_subprotocols_that_it_does_not_speak(offer: list[str]) -> None:
    socket, peer = make(SERVER), Peer(SERVER)
    socket.expect(RECORDS)

    reply, refusal = received(
        socket, peer.send(ws.Request(host="h", target="/", subprotocols=offer))
    )

    assert isinstance(reply, Reply)
    assert isinstance(refusal, Refused)
    assert refusal.failure.kind == "subprotocol"
    (answer, *_) = peer.receive(reply.data)
    assert isinstance(answer, ws.RejectConnection)
    assert answer.status_code == 400


def test_a_client_refuses_a_server_that_does_not_speak_its_subprotocol() -> None:
    socket, peer = make(CLIENT), Peer(CLIENT)
    peer.receive(socket.request(TARGET, RECORDS, ()))

    refusal = refused(socket, peer.send(ws.AcceptConnection()))

    assert refusal.failure.kind == "subprotocol"


@both_roles
def test_what_is_no_http_is_refused(role: Role) -> None:
    socket = make(role)

    *replies, refusal = received(socket, b"garbage\r\n\r\n")

    assert isinstance(refusal, Refused)
    assert refusal.failure.kind == "handshake"
    assert len(replies) == (role is SERVER)
    assert list(socket.receive_eof()) == []


@both_roles
def test_the_stream_may_end_in_the_handshake(role: Role) -> None:
    socket = make(role)

    (refusal,) = socket.receive_eof()

    assert isinstance(refusal, Refused)
    assert refusal.failure.detail == "the connection ended in the handshake"
    assert list(socket.receive_eof()) == []


# Texts out.


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(4, 40), st.sampled_from(Role))
@example("€" * 20, 10, CLIENT)
@example("\U0001f600" * 5, 4, SERVER)
@example("x" * 40, 40, CLIENT)
def test_texts_go_out_in_frames_that_end_between_characters(
    text: str, max_frame: int, role: Role
) -> None:
    socket, peer = open_pair(role)

    data = socket.text(text.encode(), max_frame)

    sizes = sizes_of_frames(data)
    assert max(sizes) <= max_frame
    assert len(sizes) == 1 or min(sizes[:-1]) > max_frame - 4
    assert peer.text(data) == text


@both_roles
@pytest.mark.parametrize(("own_keys", "short_path"), [*product([True, False], [True, False])])
@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 131_072])
def test_texts_of_every_form_of_length(
    role: Role, own_keys: bool, short_path: bool, size: int
) -> None:
    socket, peer = open_pair(role, own_keys=own_keys, short_path=short_path)

    assert peer.text(socket.text(b"x" * size, 200_000)) == "x" * size
    assert peer.text(socket.text(b"y" * size, 32_000)) == "y" * size


@both_roles
def test_pings_and_pongs_out(role: Role) -> None:
    socket, peer = open_pair(role)

    assert peer.receive(socket.ping(b"12")) == [ws.Ping(payload=b"12")]
    assert peer.receive(socket.pong(b"34")) == [ws.Pong(payload=b"34")]


@both_roles
@both_paths
def test_a_copy_goes_on_where_the_original_is(role: Role, short_path: bool) -> None:
    """ "A machine can be copied" (rule 3): before, within and after a handshake, at every byte."""
    socket, peer = open_pair(role, short_path=short_path)
    data = (
        peer.frame(TEXT, b"\xe2", fin=False) + peer.frame(PING, b"p") + peer.frame(PONG, b"q")
        + peer.frame(CONTINUATION, b"\x82\xac") + peer.frame(TEXT, b"next")
    )  # fmt: skip
    wanted = [Pinged(b"p"), Ponged(b"q"), Texts(["€".encode()]), Texts([b"next"])]

    for end in range(len(data)):
        socket, peer = open_pair(role, short_path=short_path)
        before = received(socket, data[:end])
        twin = deepcopy(socket)
        assert before + received(twin, data[end:]) == wanted
        assert before + received(socket, data[end:]) == wanted

    fresh = deepcopy(make(role, short_path=short_path))
    assert received(fresh, shake(fresh, role).send(ws.TextMessage(data="x"))) == [Texts([b"x"])]


# Violations: reported, or answered as API Gateway does.


@both_roles
@both_paths
def test_binary_is_reported_and_the_next_text_comes(role: Role, short_path: bool) -> None:
    socket, peer = open_pair(role, short_path=short_path)
    data = peer.frame(BINARY, b"\xff", fin=False) + peer.frame(CONTINUATION, b"\xff")

    items = received(socket, data + peer.frame(TEXT, b"next"))

    assert plain(items) == [Violation.BINARY_MESSAGE, Texts([b"next"])]


LIMITS: list[tuple[int, int | None, list[bytes], object]] = [
    (10, None, [b"x" * 10], Texts([b"x" * 10])),
    (10, None, [b"x" * 11], Violation.TOO_LARGE),
    (10, None, [b"x" * 5, b"y" * 5], Texts([b"xxxxxyyyyy"])),
    (10, None, [b"x" * 5, b"y" * 6], Violation.TOO_LARGE),
    (10, None, [b"x" * 11, b"", b"y" * 70_000], Violation.TOO_LARGE),
    (10, None, ["€€€".encode(), b"x"], Texts(["€€€x".encode()])),
    (10, None, ["€€€€".encode()], Violation.TOO_LARGE),
    (99, 10, [b"x" * 10, b"y" * 10], Texts([b"x" * 10 + b"y" * 10])),
    (99, 10, [b"x" * 11], Violation.FRAME_TOO_LARGE),
    (99, 10, [b"x", b"y" * 14], Violation.FRAME_TOO_LARGE),
    (
        99,
        10,
        [b"x" * 9 + b"\xe2", b"\x82\xac" + b"y" * 8],
        Texts([b"x" * 9 + "€yyyyyyyy".encode()]),
    ),
    (5, 10, [b"x" * 6], Violation.TOO_LARGE),
]


@both_roles
@both_paths
@pytest.mark.parametrize(("max_message", "max_frame", "frames", "outcome"), LIMITS)
def test_sizes_to_the_byte(
    role: Role, short_path: bool, max_message: int, max_frame: int | None,
    frames: list[bytes], outcome: object,
) -> None:  # fmt: skip
    socket, peer = open_pair(
        role, max_message=max_message, max_frame=max_frame, short_path=short_path
    )
    last = len(frames) - 1
    data = b"".join(
        peer.frame(CONTINUATION if i else TEXT, part, fin=i == last)
        for i, part in enumerate(frames)
    )

    items = received(socket, data + peer.frame(TEXT, b"next"))

    assert plain(items) == [outcome, Texts([b"next"])]


@both_roles
@both_paths
@pytest.mark.parametrize(
    ("opcode", "payload", "code", "violation"),
    [
        (BINARY, b"x", 1003, Violation.BINARY_MESSAGE),
        (TEXT, b"x" * 11, 1009, Violation.FRAME_TOO_LARGE),
        (CONTINUATION, b"x" * 10, 1009, Violation.TOO_LARGE),
    ],
)
def test_closing_as_api_gateway_does(
    role: Role, short_path: bool, opcode: int, payload: bytes, code: int, violation: Violation
) -> None:
    socket, peer = open_pair(
        role, max_message=15, max_frame=10, close_on_violation=True, short_path=short_path
    )
    start = peer.frame(TEXT, b"y" * 10, fin=False) if opcode == CONTINUATION else b""

    reply, closed = received(socket, start + peer.frame(opcode, payload) + peer.frame(TEXT, b"z"))

    assert plain([closed]) == [(code, "", violation)]
    assert isinstance(reply, Reply)
    (event,) = peer.receive(reply.data)
    assert event == ws.CloseConnection(code=code, reason="")


# Ends.


def test_whatever_comes_out_of_wsproto_is_the_peers_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    socket, peer = open_pair(CLIENT)

    def fail(data: bytes) -> None:
        raise UnicodeDecodeError("idna", b"secret", 0, 1, "secret")

    monkeypatch.setattr(socket._ws, "receive_data", fail)
    reply, closed = received(socket, peer.frame(PING, b""))

    assert isinstance(reply, Reply)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)
    assert (closed.code, str(closed.error)) == (1002, "not HTTP or not RFC 6455")


@both_roles
def test_a_close_of_ours_ends_with_the_peers_answer(role: Role) -> None:
    socket, peer = open_pair(role)

    data = socket.close(1000, "done")
    assert socket.close(1000, "again") == b""
    (event,) = peer.receive(data)
    assert event == ws.CloseConnection(code=1000, reason="done")
    assert isinstance(event, ws.CloseConnection)

    meanwhile = peer.frame(TEXT, b"still read") + peer.frame(PING, b"p")
    answer = peer.send(event.response())
    assert received(socket, meanwhile + answer) == [
        Texts([b"still read"]),
        Pinged(b"p"),
        Closed(1000, "done"),
    ]


@both_roles
def test_both_may_close_at_once(role: Role) -> None:
    socket, peer = open_pair(role)
    ours, theirs = socket.close(1000, ""), peer.send(ws.CloseConnection(code=1001, reason="x"))

    assert received(socket, theirs) == [Closed(1001, "x")]
    assert peer.receive(ours) == [ws.CloseConnection(code=1000, reason="")]


@both_roles
@pytest.mark.parametrize("close_on_violation", [True, False])
def test_garbage_after_our_close_is_not_answered_with_another(
    role: Role, close_on_violation: bool
) -> None:
    socket, peer = open_pair(role, close_on_violation=close_on_violation)
    socket.close(1000, "")

    assert plain(received(socket, peer.frame(3))) == [(1002, "", Violation.WEBSOCKET)]


@both_roles
@both_paths
def test_the_stream_may_end_at_every_point(role: Role, short_path: bool) -> None:
    socket, peer = open_pair(role, short_path=short_path)
    data = peer.frame(TEXT, b"a") + peer.frame(TEXT, b"b", fin=False) + peer.frame(PING, b"p")

    for end in range(len(data)):
        socket, peer = open_pair(role, short_path=short_path)
        assert not any(isinstance(item, Closed) for item in received(socket, data[:end]))
        assert list(socket.receive_eof()) == [Closed(1006, "")]
        assert received(socket, data[end:]) == list(socket.receive_eof()) == []


@both_roles
def test_text_that_is_not_utf8_fails_the_connection(role: Role) -> None:
    socket, peer = open_pair(role)

    reply, closed = received(socket, peer.frame(TEXT, b"\xff"))

    assert isinstance(reply, Reply)
    assert peer.receive(reply.data) == [ws.CloseConnection(code=1007, reason="")]
    assert plain([closed]) == [(1007, "", Violation.INVALID_UTF8)]


@both_roles
def test_texts_before_one_that_is_not_utf8_are_whole(role: Role) -> None:
    socket, peer = open_pair(role)
    texts = [b"a", "é".encode(), "漢".encode(), b"\xff", b"after"]
    data = b"".join(peer.frame(TEXT, text) for text in texts)

    assert received(socket, peer.frame(TEXT, "é".encode())) == [Texts(["é".encode()])]
    items = received(socket, data)

    assert items[:3] == [Texts([text]) for text in texts[:3]]
    assert plain(items[4:]) == [(1007, "", Violation.INVALID_UTF8)]


@both_roles
def test_a_close_of_the_peer_is_answered(role: Role) -> None:
    socket, peer = open_pair(role)

    reply, closed = received(socket, peer.send(ws.CloseConnection(code=1001, reason="bye")))

    assert closed == Closed(1001, "bye")
    assert isinstance(reply, Reply)
    assert peer.receive(reply.data) == [ws.CloseConnection(code=1001, reason="bye")]


# Texts in a row.


@both_roles
@both_paths
@pytest.mark.parametrize("max_frame", [100, 300])
def test_texts_in_a_row_are_what_each_would_be(
    role: Role, short_path: bool, max_frame: int
) -> None:
    socket, peer = open_pair(role, short_path=short_path)
    texts = [b"a", b"", b"b" * 300, b"c" * 60, b"d" * 20]

    frames = socket.texts(texts, max_frame)

    assert len(frames) == len(texts)
    events = peer.receive(b"".join(frames))
    whole, parts = [], ""
    for event in events:
        assert isinstance(event, ws.TextMessage)
        parts += event.data
        if event.message_finished:
            whole.append(parts.encode())
            parts = ""
    assert whole == texts


def keys_by_the_dozen(size: int) -> bytes:
    return bytes(range(size))


def keys_one_at_a_time(size: int) -> bytes:
    return b"\x11\x22\x33\x44"


@pytest.mark.parametrize("source", [keys_by_the_dozen, keys_one_at_a_time])
def test_each_frame_in_a_row_has_a_key_of_its_own(source: Callable[[int], bytes]) -> None:
    socket = WebSocket(CLIENT, max_message=1_000, mask_keys=source)

    frames = socket.texts([b"\0" * 4, b"\0" * 4], 100)

    keys = [source(8)[at : at + 4] or source(4) for at in (0, 4)]
    # What is masked is nought, so a key is followed by itself.
    assert frames == [b"\x81\x84" + key * 2 for key in keys]
