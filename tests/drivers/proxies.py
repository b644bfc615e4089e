"""Small proxies on loopback: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, RFC 1929)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream


@dataclass
class Proxy:
    """A proxy; ``targets`` are what it was asked for."""

    scheme: str
    credentials: str = ""
    refuse: bool = False
    targets: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        user = f"{self.credentials}@" if self.credentials else ""
        return f"{self.scheme}://{user}127.0.0.1:{self.port}"

    async def __call__(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                serve = self._connect if self.scheme == "http" else self._socks5
                await serve(stream)
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                pass

    async def _connect(self, stream: anyio.abc.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
        method, target = head.split(b" ")[:2]
        assert method == b"CONNECT"
        wanted = base64.b64encode(self.credentials.encode())
        if self.refuse or wanted not in head:
            await stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        self.targets.append(target.decode())
        host, _, port = target.decode().rpartition(":")
        await self._join(stream, host, int(port), b"HTTP/1.1 200 OK\r\n\r\n")

    async def _socks5(self, stream: anyio.abc.SocketStream) -> None:
        reader = BufferedByteReceiveStream(stream)
        _, count = await reader.receive_exactly(2)
        await reader.receive_exactly(count)
        await stream.send(b"\x05\x02" if self.credentials else b"\x05\x00")
        if self.credentials:
            words = []
            await reader.receive_exactly(1)
            for _ in range(2):
                words.append(await reader.receive_exactly((await reader.receive_exactly(1))[0]))
            assert b":".join(words).decode() == self.credentials
            await stream.send(b"\x01\x00")
        _, _, _, kind = await reader.receive_exactly(4)
        if kind == 3:
            host = (await reader.receive_exactly((await reader.receive_exactly(1))[0])).decode()
        else:
            host = ".".join(str(octet) for octet in await reader.receive_exactly(4))
        port = int.from_bytes(await reader.receive_exactly(2), "big")
        if self.refuse:
            await stream.send(b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")
            return
        self.targets.append(f"{host}:{port}")
        await self._join(stream, host, port, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")

    async def _join(
        self, stream: anyio.abc.SocketStream, host: str, port: int, greeting: bytes
    ) -> None:
        async with await anyio.connect_tcp(host, port) as other:
            await stream.send(greeting)
            async with anyio.create_task_group() as group:
                group.start_soon(_pump, other, stream, group.cancel_scope)
                await _pump(stream, other, group.cancel_scope)


async def _pump(
    source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream, scope: anyio.CancelScope
) -> None:
    try:
        async for data in source:
            await sink.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    scope.cancel()


@asynccontextmanager
async def proxying(
    scheme: str, *, credentials: str = "", refuse: bool = False
) -> AsyncIterator[Proxy]:
    """A proxy that lives as long as the block."""
    proxy = Proxy(scheme, credentials, refuse)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    proxy.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, proxy)
        yield proxy
        group.cancel_scope.cancel()
