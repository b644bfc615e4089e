"""A bare WebSocket client for the gateway's tests: frames by wsproto, no protocol of ours.

It knows RFC 6455 and nothing else, so that a test sees on the wire what a client would.
"""

from __future__ import annotations

import json
import ssl as tls
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc
import wsproto
from anyio.streams.tls import TLSStream
from wsproto import events
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import FrameProtocol, Opcode


@dataclass(frozen=True)
class Closed:
    """The end: the code of the close frame (1005: without one), or 1006 for none."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Rejected:
    """A handshake that was answered with an HTTP status."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


class Client:
    """One connection. `receive` gives whole messages as str or bytes, pongs, and the end."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self.stream = stream
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._ready: list[str | bytes | events.Pong | Closed] = []
        self._text = ""
        self._reject: events.RejectConnection | None = None
        self._body = b""
        self.accepted: events.AcceptConnection | None = None

    async def handshake(
        self, url: str, subprotocols: list[str], headers: list[Any]
    ) -> Rejected | None:
        parts = urlsplit(url)
        request = events.Request(
            host=parts.netloc,
            target=parts.path + (f"?{parts.query}" if parts.query else ""),
            subprotocols=subprotocols,
            extra_headers=headers,
        )
        await self.stream.send(self._ws.send(request))
        while self.accepted is None:
            if self._ready:
                assert self._reject is not None
                fields = {n.decode().lower(): v.decode() for n, v in self._reject.headers}
                return Rejected(self._reject.status_code, fields, json.loads(self._body))
            await self._read()
        return None

    async def send(self, data: Any) -> None:
        """One text frame: a str as it is, anything else as JSON."""
        text = data if isinstance(data, str) else json.dumps(data)
        await self.stream.send(self._ws.send(events.TextMessage(data=text)))

    async def send_fragments(self, *parts: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        """One message in frames of these payloads."""
        protocol = FrameProtocol(client=True, extensions=[])
        data = b""
        for index, part in enumerate(parts):
            frame = protocol._serialize_frame(
                opcode if index == 0 else Opcode.CONTINUATION, part, index == len(parts) - 1
            )
            data += frame
        await self.stream.send(data)

    async def send_event(self, event: events.Event) -> None:
        await self.stream.send(self._ws.send(event))

    async def receive(self) -> Any:
        """The next text message as JSON; other things as they are."""
        got = await self._next()
        return json.loads(got) if isinstance(got, str) else got

    async def receive_raw(self) -> Any:
        """The next message, undecoded."""
        return await self._next()

    async def receive_end(self) -> Closed:
        """The end, whatever comes before it."""
        while not isinstance(got := await self._next(), Closed):
            pass
        return got

    async def _next(self) -> Any:
        while not self._ready:
            await self._read()
        return self._ready.pop(0)

    async def _read(self) -> None:
        try:
            data = await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._ready.append(Closed(1006))
        else:
            self._ws.receive_data(data)
            await self._take_events()

    async def _take_events(self) -> None:
        for event in self._ws.events():
            match event:
                case events.AcceptConnection():
                    self.accepted = event
                case events.RejectConnection():
                    self._reject = event
                case events.RejectData():
                    self._body += event.data
                    if event.body_finished:
                        self._ready.append(Closed(1006))
                case events.TextMessage():
                    self._text += event.data
                    if event.message_finished:
                        self._ready.append(self._text)
                        self._text = ""
                case events.BytesMessage():
                    self._ready.append(bytes(event.data))
                case events.Pong():
                    self._ready.append(event)
                case events.CloseConnection():
                    if event.code != 1006:
                        if self._ws.state is ConnectionState.REMOTE_CLOSING:
                            await self.stream.send(self._ws.send(event.response()))
                        self._ready.append(Closed(event.code, event.reason or ""))


async def open_stream(url: str, ssl: tls.SSLContext | None = None) -> anyio.abc.ByteStream:
    parts = urlsplit(url)
    assert parts.hostname is not None
    stream: anyio.abc.ByteStream = await anyio.connect_tcp(parts.hostname, parts.port or 80)
    if ssl is not None:
        stream = await TLSStream.wrap(
            stream, hostname=parts.hostname, ssl_context=ssl, standard_compatible=False
        )
    return stream


@asynccontextmanager
async def connected(
    url: str,
    *,
    subprotocols: list[str] | None = None,
    headers: list[Any] | None = None,
    ssl: tls.SSLContext | None = None,
) -> AsyncIterator[Client]:
    """A client whose handshake was accepted."""
    stream = await open_stream(url, ssl)
    try:
        client = Client(stream)
        rejected = await client.handshake(url, subprotocols or [], headers or [])
        assert rejected is None, rejected
        yield client
    finally:
        await anyio.aclose_forcefully(stream)


async def rejected(url: str, **kwargs: Any) -> Rejected:
    """How a handshake is refused."""
    stream = await open_stream(url)
    try:
        answer = await Client(stream).handshake(
            url, kwargs.get("subprotocols", []), kwargs.get("headers", [])
        )
    finally:
        await anyio.aclose_forcefully(stream)
    assert answer is not None, "the handshake was accepted"
    return answer
