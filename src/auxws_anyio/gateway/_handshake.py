"""The head of a client's handshake: read, judged as API Gateway does, refused in its words.

It knows HTTP heads and API Gateway's rules for them (``docs/protocol.md`` §5). It must not know the
WebSocket's own rules (keys, versions): the machine judges those.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.abc
import h11

SUBPROTOCOL: Final = "casualos.records"
"""The only value that a list of subprotocols may have (``docs/protocol.md`` §1)."""

_MAX_HEAD: Final = (
    16 * 1024
)  # API Gateway takes 10,240 bytes of headers; the request line comes on top.


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A handshake's head: ``raw`` is all that was read, ``rest`` what came behind the head."""

    path: str
    headers: tuple[tuple[str, str], ...]
    subprotocol: str | None
    raw: bytes
    rest: bytes


class HandshakeRefused(Exception):
    """A handshake that is answered with an HTTP status."""

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.headers = headers


async def read_head(stream: anyio.abc.ByteReceiveStream) -> Head | None:
    """The head that a client sends, or None if it goes away before the end of it.

    Raises `HandshakeRefused`, and what the stream raises. The caller bounds the time.
    """
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > _MAX_HEAD:
            raise _too_large()
        try:
            data += await stream.receive()
        except anyio.EndOfStream:
            return None
    return parse_head(bytes(data[: end + 4]), bytes(data[end + 4 :]))


def parse_head(raw: bytes, rest: bytes = b"") -> Head:
    """What a whole head says. Raises `HandshakeRefused`."""
    if len(raw) > _MAX_HEAD:
        raise _too_large()
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
    http.receive_data(raw)
    try:
        request = http.next_event()
    except h11.RemoteProtocolError as error:
        raise HandshakeRefused(error.error_status_hint, "Bad Request") from None
    if not isinstance(request, h11.Request):
        raise HandshakeRefused(400, "Bad Request")
    headers = tuple((n.decode("ascii"), v.decode("latin-1")) for n, v in request.headers)
    upgrades = [value.lower() for name, value in headers if name == "upgrade"]
    if request.method != b"GET" or upgrades != ["websocket"]:
        raise HandshakeRefused(426, "Upgrade Required", (("Upgrade", "websocket"),))
    return Head(
        path=request.target.decode("ascii"),
        headers=headers,
        subprotocol=_subprotocol(headers),
        raw=raw,
        rest=rest,
    )


def _too_large() -> HandshakeRefused:
    return HandshakeRefused(431, "Request Header Fields Too Large")


def _subprotocol(headers: tuple[tuple[str, str], ...]) -> str | None:
    offered = [value for name, value in headers if name == "sec-websocket-protocol"]
    if not offered:
        return None
    # docs/protocol.md §5: "exactly casualos.records alone, or none; a list is refused".
    if offered != [SUBPROTOCOL]:
        raise HandshakeRefused(400, "Bad Request")
    return SUBPROTOCOL


def refusal(refused: HandshakeRefused, connection_id: str, request_id: str) -> bytes:
    """The HTTP response that refuses a handshake, in the form that API Gateway gives it."""
    http = h11.Connection(h11.SERVER)
    body = json.dumps(
        {"message": refused.message, "connectionId": connection_id, "requestId": request_id}
    ).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *refused.headers,
    ]
    sent = (
        http.send(h11.Response(status_code=refused.status, headers=headers)),
        http.send(h11.Data(data=body)),
        http.send(h11.EndOfMessage()),
    )
    return b"".join(part or b"" for part in sent)
