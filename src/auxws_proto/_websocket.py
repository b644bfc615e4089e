"""RFC 6455 on one transport, by wsproto: all that wsproto leaves to its caller is done here, once.

It knows the handshake, frames, control frames and size caps. It must not know events, sessions or
actions: bytes go in and `Received` things come out. It is the only module that imports wsproto, and
whatever exception comes out of that on receiving is the peer's failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any, Final

import wsproto
from wsproto import events as ws
from wsproto.connection import Connection, ConnectionState

from ._assembly import Assembly
from ._constants import Role, Violation
from ._errors import RemoteProtocolError
from ._events import TransportFailure
from ._frames import Head, Mask, Splitter, is_utf8, mask, split_utf8, text_frame, text_frames
from ._received import (
    Accepted,
    Closed,
    Pinged,
    Ponged,
    Received,
    Refused,
    Reply,
    Texts,
    Violated,
)
from ._target import Target

_SUBPROTOCOLS: Final = (None, "casualos.records")
"""What API Gateway's endpoints take (``docs/protocol.md`` §1); anything else is HTTP 400."""

_CLOSE_CODES: Final = {
    Violation.BINARY_MESSAGE: 1003,
    Violation.FRAME_TOO_LARGE: 1009,
    Violation.TOO_LARGE: 1009,
}
"""What API Gateway closes with (§5)."""

_SIDES: Final = {
    Role.CLIENT: wsproto.ConnectionType.CLIENT,
    Role.SERVER: wsproto.ConnectionType.SERVER,
}

_MAX_REASON: Final = 123

_KEY: Final = 4
"""The bytes of a masking key (RFC 6455 §5.3)."""

_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WebSocket:
    """One WebSocket connection, either side of it."""

    def __init__(
        self,
        role: Role,
        *,
        max_message: int,
        max_frame: int | None = None,
        close_on_violation: bool = False,
        short_path: bool = True,
        mask_keys: Callable[[int], bytes] | None = None,
        apply_mask: Mask = mask,
    ) -> None:
        self._role = role
        self._ws: wsproto.WSConnection | Connection = wsproto.WSConnection(_SIDES[role])
        self._close_on_violation = close_on_violation
        self._subprotocol: str | None = None
        self._assembly = Assembly(max_message=max_message, max_frame=max_frame)
        self._head = Head()
        self._apply_mask = apply_mask
        self._mask_keys = mask_keys if role is Role.CLIENT else None
        self._sends_short = short_path and (role is Role.SERVER or mask_keys is not None)
        self._splitter: Splitter | None = None
        if short_path:
            limit = max_message if max_frame is None else min(max_message, max_frame)
            masked = role is Role.SERVER
            self._splitter = Splitter(masked=masked, limit=limit, apply_mask=apply_mask)
        self.is_open = False
        self.is_closed = False

    def __deepcopy__(self, memo: dict[int, Any]) -> WebSocket:
        """Machines can be copied; of wsproto's state only one generator cannot: it is made anew."""
        connection = self._ws.connection if isinstance(self._ws, wsproto.WSConnection) else self._ws
        frames: Any = None if connection is None else vars(connection)["_proto"]
        if frames is not None:
            memo[id(frames._parse_more)] = None
        twin = memo[id(self)] = WebSocket.__new__(WebSocket)
        for name, value in vars(self).items():
            setattr(twin, name, deepcopy(value, memo))
        if frames is not None:
            copied = memo[id(frames)]
            copied._parse_more = copied._parse_more_gen()
        return twin

    # Sending.

    def request(
        self, target: Target, subprotocol: str | None, headers: Iterable[tuple[str, str]]
    ) -> bytes:
        """The client's handshake. No extension is offered: the gateway's are faulty (§5)."""
        self._subprotocol = subprotocol
        return self._ws.send(
            ws.Request(
                host=target.host_header,
                target=target.path,
                subprotocols=[] if subprotocol is None else [subprotocol],
                extra_headers=[(name.encode(), value.encode("latin-1")) for name, value in headers],
            )
        )

    def expect(self, subprotocol: str | None) -> None:
        """The server's side: which subprotocol to insist on, if any."""
        self._subprotocol = subprotocol

    def text(self, data: bytes, max_frame: int) -> bytes:
        """One text message in frames of at most `max_frame` payload bytes (RFC 6455 §5.4)."""
        if len(data) <= max_frame:
            if self._sends_short:
                key = self._mask_keys(4) if self._mask_keys is not None else None
                return text_frame(data, key, self._apply_mask)
            return self._ws.send(ws.TextMessage(data=data.decode()))
        *parts, last = split_utf8(data, max_frame)
        frames = [
            self._ws.send(ws.TextMessage(data=part.decode(), message_finished=False))
            for part in parts
        ]
        frames.append(self._ws.send(ws.TextMessage(data=last.decode())))
        return b"".join(frames)

    def texts(self, texts: list[bytes], max_frame: int) -> list[bytes]:
        """`text` for messages in a row."""
        if not self._sends_short or max(map(len, texts)) > max_frame:
            return [self.text(data, max_frame) for data in texts]
        return text_frames(texts, self._keys(len(texts)), self._apply_mask)

    def _keys(self, count: int) -> bytes | None:
        """So many masking keys, if there are any to be had."""
        source = self._mask_keys
        if source is None:
            return None
        keys = source(_KEY * count)
        # One that gives no more than a key at a time is no less of a source.
        return keys if len(keys) == _KEY * count else b"".join(source(_KEY) for _ in range(count))

    def ping(self, payload: bytes) -> bytes:
        """A ping frame."""
        return self._ws.send(ws.Ping(payload=payload))

    def pong(self, payload: bytes) -> bytes:
        """A pong frame."""
        return self._ws.send(ws.Pong(payload=payload))

    def close(self, code: int, reason: str) -> bytes:
        """A close frame, or nothing if one has gone out."""
        if self._ws.state is not ConnectionState.OPEN:
            return b""
        text = reason.encode()[:_MAX_REASON].decode(errors="ignore")
        return self._ws.send(ws.CloseConnection(code=code, reason=text or None))

    # Receiving.

    def receive(self, data: bytes) -> Iterator[Received]:
        """What these bytes amount to. Never raises for what the peer did."""
        if not self.is_open and not self.is_closed:
            head, data = self._head.split(data)
            yield from self._feed(head)
            if self.is_open:
                self._forget_handshake()
        if self.is_closed or not data:
            return
        if self._splitter is None:
            yield from self._feed(data)
            return
        for part in self._splitter.split(data):
            if isinstance(part, bytes):
                yield from self._feed(part)
            elif all(map(bytes.isascii, part)):
                yield Texts(part)
            else:
                yield from self._checked(part)
            if self.is_closed:
                return

    def _checked(self, texts: list[bytes]) -> Iterator[Received]:
        """Texts beyond ASCII, up to one that is no UTF-8: the oracle has the words, and ends it."""
        for text in texts:
            if not is_utf8(text):
                key = b"\0\0\0\0" if self._role is Role.SERVER else None
                yield from self._feed(text_frame(text, key))
                return
            yield Texts([text])

    def _forget_handshake(self) -> None:
        """An open connection needs no HTTP parser; an idle one shall not carry it for hours."""
        assert isinstance(self._ws, wsproto.WSConnection)
        assert self._ws.connection is not None
        self._ws = self._ws.connection

    def _feed(self, data: bytes) -> Iterator[Received]:
        if not data:
            return
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                yield from self._received(event)
                if self.is_closed:
                    return
        except Exception as error:
            # wsproto lets out errors of h11, of its own and of codecs, all on hostile input only.
            yield from self._failed(error)

    def receive_eof(self) -> Iterator[Received]:
        """The byte stream ended."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.is_open:
            yield Closed(1006, "")
        else:
            yield Refused(
                TransportFailure(kind="handshake", detail="the connection ended in the handshake")
            )

    def _failed(self, error: Exception) -> Iterator[Received]:
        self.is_closed = True
        if not self.is_open:
            if self._role is Role.SERVER:
                yield Reply(_BAD_REQUEST)
            yield Refused(TransportFailure(kind="handshake", detail=_words(error)))
            return
        yield from self._broken(1002, RemoteProtocolError(Violation.WEBSOCKET, _words(error)))

    def _broken(self, code: int, error: RemoteProtocolError) -> Iterator[Received]:
        """Fail the connection (RFC 6455 §7.1.7)."""
        self.is_closed = True
        data = self.close(code, "")
        if data:
            yield Reply(data)
        yield Closed(code, "", error)

    def _received(self, event: ws.Event) -> Iterator[Received]:
        match event:
            case ws.TextMessage():
                yield from self._joined(event, event.data.encode())
            case ws.BytesMessage():
                yield from self._joined(event, bytes(event.data))
            case ws.Ping():
                yield Pinged(bytes(event.payload))
            case ws.Pong():
                yield Ponged(bytes(event.payload))
            case ws.CloseConnection():
                yield from self._ended(event)
            case ws.AcceptConnection():
                yield from self._accepted(event)
            case ws.RejectConnection():
                yield self._rejected(event)
            case _:
                # Nothing else is left: a refusal's body comes after the end that the refusal is.
                assert isinstance(event, ws.Request)
                yield from self._requested(event)

    def _ended(self, event: ws.CloseConnection) -> Iterator[Received]:
        code, reason = int(event.code), event.reason or ""
        self.is_closed = True
        if self._ws.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
            if self._ws.state is ConnectionState.REMOTE_CLOSING:
                yield Reply(self._ws.send(event.response()))
            yield Closed(code, reason)
            return
        # No close frame came: this is how wsproto tells of bytes that break RFC 6455.
        violation = Violation.INVALID_UTF8 if code == 1007 else Violation.WEBSOCKET
        yield from self._broken(code, RemoteProtocolError(violation, reason))

    def _joined(self, event: ws.TextMessage | ws.BytesMessage, data: bytes) -> Iterator[Received]:
        refusal = self._assembly.add(
            data,
            is_binary=isinstance(event, ws.BytesMessage),
            ends_frame=event.frame_finished,
            ends_message=event.message_finished,
        )
        if refusal is not None and self._close_on_violation:
            yield from self._broken(_CLOSE_CODES[refusal.violation], refusal)
        elif event.message_finished:
            whole = self._assembly.finish()
            yield Texts([whole]) if isinstance(whole, bytes) else Violated(whole)

    # The handshake.

    def _accepted(self, event: ws.AcceptConnection) -> Iterator[Received]:
        if event.subprotocol != self._subprotocol:
            self.is_closed = True
            detail = f"the server did not take the subprotocol {self._subprotocol!r}"
            yield Refused(TransportFailure(kind="subprotocol", detail=detail))
            return
        self.is_open = True
        yield Accepted()

    def _rejected(self, event: ws.RejectConnection) -> Refused:
        self.is_closed = True
        status = event.status_code
        retry_after = None
        for name, value in event.headers:
            if name.lower() == b"retry-after" and value.isdigit() and len(value) < 7:
                retry_after = float(value)
        # "any other value: HTTP 400 at the handshake" (§1)
        by_subprotocol = status == 400 and self._subprotocol is not None
        return Refused(
            TransportFailure(
                kind="subprotocol" if by_subprotocol else "rejected",
                status=status,
                detail=f"HTTP {status}",
                retry_after=retry_after,
            )
        )

    def _requested(self, event: ws.Request) -> Iterator[Received]:
        offered = event.subprotocols[0] if len(event.subprotocols) == 1 else None
        wanted = (self._subprotocol,) if self._subprotocol is not None else _SUBPROTOCOLS
        if len(event.subprotocols) > 1 or offered not in wanted:
            self.is_closed = True
            yield Reply(_BAD_REQUEST)
            yield Refused(TransportFailure(kind="subprotocol", detail="an unknown subprotocol"))
            return
        yield Reply(self._ws.send(ws.AcceptConnection(subprotocol=offered)))
        self.is_open = True
        yield Accepted()


def _words(error: Exception) -> str:
    """The text of wsproto's own errors; others may quote what the peer sent."""
    ours = type(error).__module__.startswith("wsproto")
    return str(error) if ours else "not HTTP or not RFC 6455"
