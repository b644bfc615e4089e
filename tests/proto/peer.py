"""The other side of a WebSocket, by wsproto alone, and frames by hand where wsproto refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws

from auxws_proto import Role
from auxws_proto._received import Accepted, Closed, Received, Reply, Texts, Violated
from auxws_proto._target import parse_target
from auxws_proto._websocket import WebSocket

both_roles = pytest.mark.parametrize("role", list(Role))
both_paths = pytest.mark.parametrize("short_path", [True, False])

TARGET = parse_target("wss://abc.execute-api.us-east-1.amazonaws.com/dev?x=1")
KEY = b"\x11\x22\x33\x44"
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA


class Peer:
    """Whoever talks to a `WebSocket` of this role."""

    def __init__(self, role: Role) -> None:
        self.is_client = role is Role.SERVER
        side = ConnectionType.CLIENT if self.is_client else ConnectionType.SERVER
        self.ws = WSConnection(side)

    def send(self, *events: ws.Event) -> bytes:
        return b"".join(self.ws.send(event) for event in events)

    def receive(self, data: bytes) -> list[ws.Event]:
        self.ws.receive_data(data)
        return list(self.ws.events())

    def text(self, data: bytes) -> str:
        """The one message in these bytes, which may be fragmented."""
        events = self.receive(data)
        assert all(isinstance(event, ws.TextMessage) for event in events)
        assert [event.message_finished for event in events][-1:] == [True]  # type: ignore[attr-defined]
        return "".join(event.data for event in events)  # type: ignore[attr-defined]

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
        return frame(opcode, payload, fin=fin, rsv=rsv, masked=self.is_client)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = False
) -> bytes:
    """One frame, right or wrong, with the shortest form of its length (RFC 6455 §5.2)."""
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        length = bytes([bit | size])
    elif size < 65_536:
        length = bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([bit | 127]) + size.to_bytes(8, "big")
    head = bytes([0x80 * fin | rsv << 4 | opcode]) + length
    if not masked:
        return head + payload
    return head + KEY + bytes(byte ^ KEY[i % 4] for i, byte in enumerate(payload))


def sizes_of_frames(data: bytes) -> list[int]:
    """The payload sizes of the frames in these bytes."""
    sizes, start = [], 0
    while start < len(data):
        size, head = data[start + 1] & 0x7F, 2
        if size > 125:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[start + 2 : start + head], "big")
        sizes.append(size)
        start += head + (4 if data[start + 1] & 0x80 else 0) + size
    return sizes


def make(
    role: Role, *, max_message: int = 200_000, max_frame: int | None = None,
    close_on_violation: bool = False, short_path: bool = True, own_keys: bool = True,
) -> WebSocket:  # fmt: skip
    return WebSocket(
        role, max_message=max_message, max_frame=max_frame, close_on_violation=close_on_violation,
        short_path=short_path, mask_keys=(lambda n: (KEY * n)[:n]) if own_keys else None,
    )  # fmt: skip


def shake(socket: WebSocket, role: Role, subprotocol: str | None = None) -> Peer:
    """Do the opening handshake; returns the other side."""
    peer = Peer(role)
    if role is Role.CLIENT:
        peer.receive(socket.request(TARGET, subprotocol, ()))
        answer = peer.send(ws.AcceptConnection(subprotocol=subprotocol))
        assert list(socket.receive(answer)) == [Accepted()]
    else:
        socket.expect(subprotocol)
        offered = [] if subprotocol is None else [subprotocol]
        reply, accepted = socket.receive(
            peer.send(ws.Request(host="h", target="/", subprotocols=offered))
        )
        assert isinstance(reply, Reply)
        assert accepted == Accepted()
        (answer_event,) = peer.receive(reply.data)
        assert isinstance(answer_event, ws.AcceptConnection)
    return peer


def received(socket: WebSocket, data: bytes, cuts: list[int] | None = None) -> list[Received]:
    """What these bytes amount to, in portions that end at the cuts; each text by itself."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    portions = [data[start:stop] for start, stop in pairwise(edges)]
    return [it for portion in portions for some in socket.receive(portion) for it in each(some)]


def each(received: Received) -> list[Received]:
    """Texts in a row, one by one; anything else is one thing anyway."""
    if isinstance(received, Texts):
        return [Texts([text]) for text in received.data]
    return [received]


def open_pair(
    role: Role, *, max_message: int = 200_000, max_frame: int | None = None,
    close_on_violation: bool = False, short_path: bool = True, own_keys: bool = True,
) -> tuple[WebSocket, Peer]:  # fmt: skip
    socket = make(
        role, max_message=max_message, max_frame=max_frame, short_path=short_path,
        close_on_violation=close_on_violation, own_keys=own_keys,
    )  # fmt: skip
    return socket, shake(socket, role)


def plain(items: list[Received]) -> list[object]:
    """Received things with their errors by name, so that they can be compared."""
    return [
        item.error.violation if isinstance(item, Violated)
        else (item.code, item.reason, item.error and item.error.violation)
        if isinstance(item, Closed)
        else item
        for item in items
    ]  # fmt: skip
