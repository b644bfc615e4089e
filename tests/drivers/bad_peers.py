"""Servers that are none: a listener that says what a test wants."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.abc

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_GONE = (OSError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError)

Talk = Callable[[anyio.abc.ByteStream], Awaitable[None]]


class Peer:
    """Its address, and how many came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connections = 0


@asynccontextmanager
async def bad_peer(talk: Talk) -> AsyncIterator[Peer]:
    """A listener; ``talk`` has each connection, which ends when it returns."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    peer = Peer(f"ws://127.0.0.1:{port}/")

    async def handle(stream: anyio.abc.ByteStream) -> None:
        peer.connections += 1
        async with stream:
            with suppress(*_GONE):
                await talk(stream)

    with anyio.fail_after(20):
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, handle)
            yield peer
            group.cancel_scope.cancel()


async def head(stream: anyio.abc.ByteStream) -> bytes:
    """The client's request."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    return data


def accepting(request: bytes) -> bytes:
    """The answer that opens the WebSocket."""
    found = re.search(rb"(?i)sec-websocket-key: *(\S+)", request)
    assert found is not None
    accept = base64.b64encode(hashlib.sha1(found[1] + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def answering(answer: bytes) -> Talk:
    """Answers each request with this, and ends."""

    async def talk(stream: anyio.abc.ByteStream) -> None:
        await head(stream)
        await stream.send(answer)

    return talk


def saying(frames: bytes) -> Talk:
    """Opens the WebSocket, sends these bytes, and waits for the client to end it."""

    async def talk(stream: anyio.abc.ByteStream) -> None:
        await stream.send(accepting(await head(stream)) + frames)
        while True:
            await stream.receive()

    return talk


def close_frame(payload: bytes) -> bytes:
    """A close frame with any payload."""
    return bytes([0x88, len(payload)]) + payload


def close_code(code: int, reason: bytes = b"") -> bytes:
    """A close frame with any code."""
    return close_frame(struct.pack("!H", code) + reason)
