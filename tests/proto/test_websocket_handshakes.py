"""Hostile handshakes: servers that answer wrongly, clients that ask wrongly, and ends within."""

from __future__ import annotations

import pytest
from wsproto.utilities import generate_accept_token

from auxws_proto import Role, TransportFailure
from auxws_proto._received import Accepted, Received, Refused, Reply
from auxws_proto._websocket import WebSocket

from .peer import TARGET, both_roles, make, received

CLIENT, SERVER = Role.CLIENT, Role.SERVER
RECORDS = "casualos.records"


# Servers.


def refused(socket: WebSocket, data: bytes) -> Refused:
    *replies, refusal = received(socket, data)
    assert all(isinstance(reply, Reply) for reply in replies)
    assert isinstance(refusal, Refused)
    assert list(socket.receive_eof()) == received(socket, b"more") == []
    assert not socket.is_open
    return refusal


GOOD_HEADERS = ["Upgrade: websocket", "Connection: Upgrade"]


@pytest.mark.parametrize(
    ("asked", "headers", "kind"),
    [
        (None, [*GOOD_HEADERS, "Sec-WebSocket-Accept: c2VjcmV0"], "handshake"),
        (None, GOOD_HEADERS, "handshake"),
        (None, ["Upgrade: websocket", "Sec-WebSocket-Accept: {accept}"], "handshake"),
        (None, ["Connection: Upgrade", "Sec-WebSocket-Accept: {accept}"], "handshake"),
        (None, [*GOOD_HEADERS, "Sec-WebSocket-Accept: {accept}",
                "Sec-WebSocket-Protocol: casualos.records"], "handshake"),
        (None, [*GOOD_HEADERS, "Sec-WebSocket-Accept: {accept}",
                "Sec-WebSocket-Protocol: \xff"], "handshake"),
        (None, [*GOOD_HEADERS, "Sec-WebSocket-Accept: {accept}",
                "Sec-WebSocket-Extensions: permessage-deflate"], "handshake"),
        (RECORDS, [*GOOD_HEADERS, "Sec-WebSocket-Accept: {accept}",
                   "Sec-WebSocket-Protocol: other"], "handshake"),
        (RECORDS, [*GOOD_HEADERS, "Sec-WebSocket-Accept: {accept}"], "subprotocol"),
    ],
)  # fmt: skip
def test_a_server_may_answer_wrongly(asked: str | None, headers: list[str], kind: str) -> None:
    socket = make(CLIENT)
    request = socket.request(TARGET, asked, ())
    nonce = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = generate_accept_token(nonce).decode()
    lines = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *headers, "", ""])

    refusal = refused(socket, lines.replace("{accept}", accept).encode("latin-1") + b"\x81\x01x")

    assert refusal.failure.kind == kind
    assert refusal.failure.status is None


@both_roles
@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01 TLS\r\n\r\n",
        b"HTTP/1.1 101\r\nno colon\r\n\r\n",
        b"HTTP/9.9 101 x\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n" + b"X-Endless: and on\r\n" * 1_000,
        b"x" * 20_000,
        b"HTTP/1.1 101 x\r\nContent-Length: a\r\n\r\n",
    ],
    ids=range(7),
)
def test_garbage_and_endless_headers_are_refused(role: Role, data: bytes) -> None:
    socket = make(role)
    if role is CLIENT:
        socket.request(TARGET, None, ())
    items: list[Received] = []
    for start in range(0, len(data), 700):
        items += socket.receive(data[start : start + 700])

    *replies, refusal = items
    assert isinstance(refusal, Refused)
    assert refusal.failure.kind == "handshake"
    assert [reply.data[:12] for reply in replies if isinstance(reply, Reply)] == (
        [b"HTTP/1.1 400"] if role is SERVER else []
    )


# Clients.

REQUEST = [
    "GET / HTTP/1.1", "Host: h", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]  # fmt: skip


@pytest.mark.parametrize(
    ("insisted", "old", "new", "kind"),
    [
        (None, "GET /", "POST /", "handshake"),
        (None, "Host: h", "X: y", "handshake"),
        (None, "Host: h", "Host: \xff", "handshake"),
        (None, "Upgrade: websocket", "Upgrade: h2c", "handshake"),
        (None, "keep-alive, Upgrade", "keep-alive", "handshake"),
        (None, "Version: 13", "Version: 12", "handshake"),
        (None, "Sec-WebSocket-Key", "X-Key", "handshake"),
        (None, "Host: h", "Host: h\r\nSec-WebSocket-Protocol: other", "subprotocol"),
        (None, "Host: h", "Host: h\r\nSec-WebSocket-Protocol: casualos.records, x", "subprotocol"),
        (RECORDS, "Host: h", "Host: h", "subprotocol"),
        ("other", "Host: h", "Host: h\r\nSec-WebSocket-Protocol: casualos.records", "subprotocol"),
    ],
)
def test_a_client_may_ask_wrongly(insisted: str | None, old: str, new: str, kind: str) -> None:
    socket = make(SERVER)
    socket.expect(insisted)
    data = "\r\n".join([*REQUEST, "", ""]).replace(old, new).encode("latin-1")

    reply, refusal = received(socket, data)

    assert isinstance(reply, Reply)
    assert reply.data.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert isinstance(refusal, Refused)
    assert refusal.failure.kind == kind


def test_extensions_are_never_taken() -> None:
    socket = make(SERVER)
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

    reply, accepted = received(socket, "\r\n".join([*REQUEST, offer, "", ""]).encode())

    assert accepted == Accepted()
    assert isinstance(reply, Reply)
    assert b"extensions" not in reply.data.lower()


def test_the_stream_may_end_at_every_point_of_the_handshake() -> None:
    failure = TransportFailure(kind="handshake", detail="the connection ended in the handshake")
    data = "\r\n".join([*REQUEST, "", ""]).encode()
    for end in range(len(data)):
        socket = make(SERVER)
        assert received(socket, data[:end]) == []
        assert list(socket.receive_eof()) == [Refused(failure)]
        assert received(socket, data[end:]) == list(socket.receive_eof()) == []
